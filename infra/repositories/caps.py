"""Caps that accounts set on their own spending, with the history of every change.

Whoever changes a cap first locks the budgets that it bounds: so each hold sees either the cap of
before or the one of after, and a threshold that both pass is not missed between them.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database
from infra.repositories import budgets
from infra.repositories.budgets import BudgetState
from schema.contracts.account import Caller
from schema.contracts.budgets import BudgetUsage, Cap, CapName
from schema.errors import SpellError

# ruff: noqa: S608  (the statements below are put together from constants only)
_HAS_KEY = text("SELECT id FROM api_keys WHERE id = :key AND account_id = :account")
_THIS = "account_id = :account AND kind = :kind AND scope_id = :scope_id AND currency = :currency"
_CHANGED = (
    " INSERT INTO billing_changes"
    " (account_id, changed_by, subject, kind, scope_id, currency, before, after)"
    " SELECT :account, :changed_by, 'cap', :kind, :scope_id, :currency, (SELECT cap FROM old),"
    " (SELECT cap FROM new) WHERE (SELECT cap FROM old) IS DISTINCT FROM (SELECT cap FROM new)"
    " RETURNING id"
)
_AS_DOCUMENT = "jsonb_build_object('cap_micros', cap_micros, 'alerts_at', alerts_at) AS cap"
_SET = text(
    f"WITH old AS (SELECT {_AS_DOCUMENT} FROM budget_caps WHERE {_THIS}),"
    " new AS (INSERT INTO budget_caps (account_id, kind, scope_id, currency, cap_micros, alerts_at)"
    "  VALUES (:account, :kind, :scope_id, :currency, :cap, CAST(:alerts_at AS smallint[]))"
    "  ON CONFLICT (account_id, kind, scope_id, currency) DO UPDATE SET updated_at = now(),"
    "  cap_micros = excluded.cap_micros, alerts_at = excluded.alerts_at"
    f"  RETURNING {_AS_DOCUMENT}){_CHANGED}"
)
_REMOVE = text(
    f"WITH old AS (DELETE FROM budget_caps WHERE {_THIS} RETURNING {_AS_DOCUMENT}),"
    f" new AS (SELECT NULL\\:\\:jsonb AS cap WHERE false){_CHANGED}"
)
_REACHED = text(
    "INSERT INTO budget_alerts (account_id, kind, scope_id, currency, period_start, cap_micros,"
    " percent, used_micros) SELECT :account, :kind, :scope_id, :currency, :period_start, :cap,"
    " percent, :used FROM unnest(CAST(:reached AS smallint[])) AS p(percent)"
    " ORDER BY percent ON CONFLICT DO NOTHING"
)
# Every budget of the key that asks, and of other keys those that have a cap.
_READ = text(
    "SELECT k.name AS kind, r.scope_id, r.period_start, d.day, d.zone, d.next_zone,"
    " d.next_from_day, coalesce(b.held_micros, 0) AS held_micros,"
    " coalesce(b.posted_micros, 0) AS posted_micros, c.cap_micros, c.alerts_at"
    " FROM billing_clock(:account, :moment) d"
    " CROSS JOIN (SELECT CAST(:key AS text) AS id UNION SELECT scope_id FROM budget_caps"
    "  WHERE account_id = :account AND currency = :currency AND scope_id <> '') AS keys"
    " CROSS JOIN LATERAL budget_rows(keys.id, d.day, date_trunc('month', d.day)\\:\\:date) r"
    " JOIN budget_kinds k ON k.name = r.kind"
    " LEFT JOIN budgets b ON b.account_id = :account AND b.currency = :currency"
    "  AND b.kind = r.kind AND b.scope_id = r.scope_id AND b.period_start = r.period_start"
    " LEFT JOIN budget_caps c ON c.account_id = :account AND c.currency = :currency"
    "  AND c.kind = r.kind AND c.scope_id = r.scope_id"
    " WHERE keys.id = :key OR (r.scope_id = keys.id AND c.cap_micros IS NOT NULL)"
    " ORDER BY r.kind, r.scope_id"
)


class PostgresCaps:
    """Caps, and what is used of them.

    Args:
        database: hands out transactions.
        clock: what time it is.
    """

    def __init__(
        self, database: Database, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._clock = clock

    async def set(self, caller: Caller, cap: Cap) -> None:
        """Set a cap; to less than is spent, too: then nothing more is held until it fits.

        Raises:
            SpellError: KEY_NOT_FOUND for a key that is not the account's.
        """
        async with self._database.transaction() as connection:
            state = await self._lock(connection, caller, cap)
            row = {**_place(caller, cap), "cap": cap.cap_micros, "alerts_at": list(cap.alerts_at)}
            if (await connection.execute(_SET, row)).first() is not None:
                await _note_reached(connection, row, state)

    async def remove(self, caller: Caller, name: CapName) -> None:
        """Remove a cap; what is used goes on being counted.

        Raises:
            SpellError: KEY_NOT_FOUND; CAP_NOT_FOUND.
        """
        async with self._database.transaction() as connection:
            await self._lock(connection, caller, name)
            if (await connection.execute(_REMOVE, _place(caller, name))).first() is None:
                raise SpellError("CAP_NOT_FOUND", details=name.model_dump(mode="json"))

    async def usage(self, caller: Caller, currency: str) -> list[BudgetUsage]:
        """Every budget that a cast by this key would touch now, and the caps of other keys."""
        place = {"account": caller.account_id, "key": caller.api_key_id, "currency": currency}
        async with self._database.reading() as connection:
            rows = await connection.execute(_READ, {**place, "moment": self._clock()})
            return [_view(state, currency) for state in budgets.states_of(rows)]

    async def _lock(
        self, connection: AsyncConnection, caller: Caller, name: CapName
    ) -> BudgetState:
        """The budget of the cap in its current period, locked."""
        key = name.api_key_id or caller.api_key_id
        mine = {"key": key, "account": caller.account_id}
        if (await connection.execute(_HAS_KEY, mine)).first() is None:
            raise SpellError("KEY_NOT_FOUND")
        locked = await budgets.lock(
            connection, caller.account_id, key, name.currency, moment=self._clock()
        )
        return next(state for state in locked.states if state.kind == name.kind)


async def _note_reached(
    connection: AsyncConnection, row: dict[str, Any], state: BudgetState
) -> None:
    """Alert of what is used of the new cap already; holds alert of what they cross themselves."""
    used, cap = state.used_micros, row["cap"]
    reached = [percent for percent in row["alerts_at"] if used > 0 and used * 100 >= cap * percent]
    if reached:
        now = {"used": used, "period_start": state.period_start, "reached": reached}
        await connection.execute(_REACHED, {**row, **now})


def _place(caller: Caller, name: CapName) -> dict[str, Any]:
    return {
        "account": caller.account_id,
        "changed_by": caller.api_key_id,
        "kind": name.kind,
        "scope_id": name.api_key_id or "",
        "currency": name.currency,
    }


def _view(state: BudgetState, currency: str) -> BudgetUsage:
    return BudgetUsage(
        kind=state.kind,
        api_key_id=state.scope_id or None,
        currency=currency,
        period_start=state.period_start if state.resets_at else None,
        held_micros=state.held_micros,
        posted_micros=state.posted_micros,
        cap_micros=state.cap_micros,
        remaining_micros=state.remaining_micros,
        alerts_at=state.alerts_at,
        resets_at=state.resets_at,
    )
