"""Budgets: the caps that bound what is held and spent, enforced under row locks.

Which budgets there are is data (table `budget_kinds`). All rows that a hold touches are locked in
one fixed order (kind, then scope), so that concurrent holds of one account queue up and can
neither deadlock nor overspend. The day that a hold falls into is the account's own; the hold keeps
it, so that its end is counted where it began.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from schema.billing_calendar import BillingClock

# ruff: noqa: S608  (the statements below are put together from constants only)
# Makes missing rows, locks them in the fixed order, and reads the caps as they are by then.
LOCKED = (
    "SELECT * FROM lock_budgets(CAST(:account AS text), CAST(:key AS text),"
    " CAST(:currency AS text), CAST(:moment AS timestamptz))"
)
_LOCK = text(LOCKED)
_CLOCK = text("SELECT * FROM billing_clock(:account, :moment)")
# The locks first, in their order; an UPDATE alone would take them in the order of the plan.
_MOVE = text(
    "WITH locked AS MATERIALIZED (SELECT b.kind, b.scope_id, b.period_start"
    " FROM budget_rows(:key, :day, :month) r JOIN budgets b USING (kind, scope_id, period_start)"
    " WHERE b.account_id = :account AND b.currency = :currency"
    " ORDER BY b.kind, b.scope_id FOR UPDATE OF b)"
    " UPDATE budgets b SET held_micros = held_micros + :held,"
    " posted_micros = posted_micros + :posted FROM locked l"
    " WHERE b.account_id = :account AND b.currency = :currency AND (b.kind, b.scope_id,"
    " b.period_start) = (l.kind, l.scope_id, l.period_start)"
)
# Parts of the statement that holds, over what `LOCKED` gave. What fits, and what is left then; of
# rows made a moment ago, which a statement does not see that began before, nothing is held yet.
_OF_LOCKED = (
    "b.account_id = :account AND b.currency = :currency"
    " AND (b.kind, b.scope_id, b.period_start) = (r.kind, r.scope_id, r.period_start)"
)
FITS = (
    f"SELECT count(*) = (SELECT count(*) FROM locked r JOIN budgets b ON {_OF_LOCKED}) AS seen,"
    " min(CASE WHEN kind = 'balance' THEN coalesce(cap_micros, 0) ELSE cap_micros END"
    "  - held_micros - posted_micros) - CAST(:amount AS bigint) AS remaining,"
    " min(day) AS day, date_trunc('month', min(day))\\:\\:date AS month FROM locked"
)
HOLD = (
    "UPDATE budgets b SET held_micros = b.held_micros + :amount FROM recorded, locked r"
    f" WHERE {_OF_LOCKED}"
)
# The credit's budget is locked before it is read, so that nothing is held of it meanwhile.
_ENSURE_BALANCE = text(
    "INSERT INTO budgets (account_id, kind, scope_id, currency, period_start, held_micros,"
    " posted_micros) VALUES (:account_id, 'balance', '', :currency, '1970-01-01', 0, 0)"
    " ON CONFLICT DO NOTHING"
)
_LOCK_BALANCE = text(
    "SELECT held_micros + posted_micros AS used FROM budgets WHERE account_id = :account_id"
    " AND kind = 'balance' AND scope_id = '' AND currency = :currency FOR UPDATE"
)
_BALANCE_CAP = text(
    "SELECT cap_micros FROM budget_caps WHERE account_id = :account_id AND kind = 'balance'"
    " AND scope_id = '' AND currency = :currency"
)


@dataclass(frozen=True)
class BudgetScope:
    """Which budgets one cast touches: the account's, the key's, and the periods it falls in."""

    account_id: str
    api_key_id: str
    currency: str
    day: date
    month: date


@dataclass(frozen=True)
class BudgetState:
    """One budget in its period, with its cap."""

    kind: str
    scope_id: str
    period_start: date
    held_micros: int
    posted_micros: int
    cap_micros: int | None
    alerts_at: list[int]
    clock: BillingClock

    @property
    def used_micros(self) -> int:
        """What counts against the cap."""
        return self.held_micros + self.posted_micros

    @property
    def remaining_micros(self) -> int | None:
        """What still fits under the cap; None without a cap. A balance without credit is zero."""
        if self.cap_micros is None:
            return 0 if self.kind == "balance" else None
        return max(0, self.cap_micros - self.used_micros)

    @property
    def resets_at(self) -> datetime | None:
        """When the budget starts over, by the account's clock; None for those that never do."""
        if self.kind.endswith("_day"):
            return self.clock.day_ends_at
        return self.clock.month_ends_at if self.kind.endswith("_month") else None


@dataclass(frozen=True)
class LockedBudgets:
    """The budgets of a hold, locked until the transaction ends."""

    scope: BudgetScope
    states: list[BudgetState]

    @property
    def clock(self) -> BillingClock:
        """The account's clock at the moment of the hold."""
        return self.states[0].clock


async def lock(
    connection: AsyncConnection,
    account_id: str,
    api_key_id: str,
    currency: str,
    moment: datetime | None = None,
) -> LockedBudgets:
    """Lock every budget that a hold made now falls under; missing ones, as on a first, are made."""
    place = {"account": account_id, "key": api_key_id, "currency": currency}
    rows = await connection.execute(_LOCK, {**place, "moment": moment or datetime.now(UTC)})
    states = states_of(rows)
    clock = states[0].clock
    scope = BudgetScope(account_id, api_key_id, currency, clock.day, clock.month)
    return LockedBudgets(scope, states)


async def clock_of(
    connection: AsyncConnection, account_id: str, moment: datetime | None = None
) -> BillingClock:
    """Today, by the account's clock."""
    place = {"account": account_id, "moment": moment or datetime.now(UTC)}
    return _clock((await connection.execute(_CLOCK, place)).one())


def states_of(rows: Iterable[Any]) -> list[BudgetState]:
    """Rows of one account's budgets, each with the account's clock beside it."""
    found = list(rows)
    clock = _clock(found[0]) if found else None
    return [
        BudgetState(
            kind=row.kind,
            scope_id=row.scope_id,
            period_start=row.period_start,
            held_micros=row.held_micros,
            posted_micros=row.posted_micros,
            cap_micros=row.cap_micros,
            alerts_at=row.alerts_at or [],
            clock=clock,
        )
        for row in found
        if clock is not None
    ]


def _clock(row: Any) -> BillingClock:
    return BillingClock(
        day=row.day,
        time_zone=row.zone,
        next_time_zone=row.next_zone,
        next_from_day=row.next_from_day,
    )


def remaining_of(states: Iterable[BudgetState]) -> int:
    """What fits under the tightest budget; a balance always bounds it."""
    return min(s.remaining_micros for s in states if s.remaining_micros is not None)


async def move(
    connection: AsyncConnection, scope: BudgetScope, *, held: int = 0, posted: int = 0
) -> None:
    """Add to what is held and posted under every budget of the scope; a trigger guards the caps."""
    await connection.execute(
        _MOVE,
        {
            "account": scope.account_id,
            "key": scope.api_key_id,
            "currency": scope.currency,
            "day": scope.day,
            "month": scope.month,
            "held": held,
            "posted": posted,
        },
    )


async def balance_left(connection: AsyncConnection, account_id: str, currency: str) -> int:
    """The credit that is neither held nor spent; until the transaction ends nobody holds of it."""
    scope = {"account_id": account_id, "currency": currency}
    await connection.execute(_ENSURE_BALANCE, scope)
    used: int = (await connection.execute(_LOCK_BALANCE, scope)).scalar_one()
    credited: int | None = (await connection.execute(_BALANCE_CAP, scope)).scalar_one_or_none()
    return (credited or 0) - used
