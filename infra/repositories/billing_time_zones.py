"""The zones that accounts count their days and months in.

Another zone begins with the day after the one that it is asked for in, so that a day is never
there twice. What was asked for before and has not begun is forgotten.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from infra.postgres import Database
from infra.repositories import budgets
from schema.billing_calendar import BillingClock
from schema.contracts.account import Caller
from schema.errors import SpellError

# One change of an account at a time; the row itself may not be there yet.
_LOCK = text("SELECT id FROM accounts WHERE id = :account FOR NO KEY UPDATE")
_SET = text(
    "WITH clock AS (SELECT * FROM billing_clock(:account, :moment)),"
    " change AS (SELECT c.*, CASE WHEN c.zone = :wanted THEN NULL ELSE :wanted END AS wanted"
    "  FROM clock c),"
    " done AS (INSERT INTO billing_time_zones"
    "  (account_id, zone, from_day, next_zone, next_from_day)"
    "  SELECT :account, zone, from_day, wanted, CASE WHEN wanted IS NULL THEN NULL ELSE day + 1 END"
    "  FROM change ON CONFLICT (account_id) DO UPDATE SET zone = excluded.zone,"
    "  from_day = excluded.from_day, next_zone = excluded.next_zone,"
    "  next_from_day = excluded.next_from_day, updated_at = now())"
    " INSERT INTO billing_changes (account_id, changed_by, subject, before, after)"
    " SELECT :account, :changed_by, 'time_zone',"
    "  jsonb_build_object('time_zone', coalesce(next_zone, zone)),"
    "  jsonb_build_object('time_zone', CAST(:wanted AS text), 'from_day',"
    "   CASE WHEN wanted IS NULL THEN day ELSE day + 1 END)"
    " FROM change WHERE coalesce(next_zone, zone) <> :wanted"
)


class PostgresBillingTimeZones:
    """Billing calendars of accounts.

    Args:
        database: hands out transactions.
        clock: what time it is.
    """

    def __init__(
        self, database: Database, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._clock = clock

    async def get(self, account_id: str) -> BillingClock:
        """Today, the zone of today, and the one that comes."""
        async with self._database.reading() as connection:
            return await budgets.clock_of(connection, account_id, self._clock())

    async def set(self, caller: Caller, time_zone: str) -> BillingClock:
        """Count in another zone, from the next day on.

        Raises:
            SpellError: VALIDATION_ERROR, the database does not know the zone.
        """
        account, moment = caller.account_id, self._clock()
        place = {"account": account, "moment": moment}
        try:
            async with self._database.transaction() as connection:
                await connection.execute(_LOCK, {"account": account})
                change = {**place, "wanted": time_zone, "changed_by": caller.api_key_id}
                await connection.execute(_SET, change)
                return await budgets.clock_of(connection, account, moment)
        except IntegrityError as error:
            raise SpellError(
                "VALIDATION_ERROR", f"This platform knows no time zone {time_zone}."
            ) from error
