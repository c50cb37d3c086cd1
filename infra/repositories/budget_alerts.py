"""From crossed thresholds to notifications and webhooks. Fits the port `AlertTeller`.

The transaction that crosses a threshold only writes that down. This follower tells of it: each
alert once, in one transaction with its mark.
"""

from typing import Any

from sqlalchemy import text

from infra.postgres import Database
from infra.repositories import budgets
from infra.repositories.notifications import enqueue
from schema.contracts.notifications import NewNotification, NotificationKind

_NEXT = text(
    "UPDATE budget_alerts SET told_at = now() WHERE id = (SELECT id FROM budget_alerts"
    " WHERE told_at IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING *"
)


class PostgresAlertTeller:
    """Tells of alerts that nobody was told of yet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tell(self, *, limit: int) -> int:
        """Tell of the oldest ones; answers how many there were."""
        for told in range(limit):
            if not await self._tell_one():
                return told
        return limit

    async def _tell_one(self) -> bool:
        async with self._database.transaction() as connection:
            row = (await connection.execute(_NEXT)).one_or_none()
            if row is None:
                return False
            clock = await budgets.clock_of(connection, row.account_id)
            await enqueue(connection, _words(row, clock.time_zone))
            return True


def _words(row: Any, time_zone: str) -> NewNotification:
    """The alert as it is told; amounts in micros, dates by the account's calendar."""
    periodic = row.kind.endswith(("_day", "_month"))
    return NewNotification(
        reference=f"budget-alert:{row.id}",
        account_id=row.account_id,
        kind=NotificationKind.BUDGET_ALERT,
        details={
            "alert": row.id,
            "cap": row.kind,
            "api_key_id": row.scope_id or None,
            "currency": row.currency,
            "percent": row.percent,
            "cap_micros": row.cap_micros,
            "used_micros": row.used_micros,
            "period_start": row.period_start.isoformat() if periodic else None,
            "time_zone": time_zone,
            "crossed_at": row.created_at.isoformat(),
        },
    )
