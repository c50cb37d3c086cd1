"""Budgets: the caps that bound what is held and spent, enforced under row locks.

All budget rows that a hold touches are locked in one fixed order (kind, then scope), so that
concurrent holds of one account queue up and can neither deadlock nor overspend.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Budgets that do not start over have one row, dated here.
_NO_PERIOD = date(1970, 1, 1)

# ruff: noqa: S608  (the statements below are put together from constants only)
_ROWS = (
    "(SELECT k, s, p FROM unnest(CAST(:kinds AS text[]), CAST(:scopes AS text[]),"
    " CAST(:periods AS date[])) AS t(k, s, p))"
)
# Locks the rows in the fixed order, makes missing ones, and reads the caps as they are by then.
LOCKED = (
    "SELECT * FROM lock_budget_rows(CAST(:account AS text), CAST(:currency AS text),"
    " CAST(:kinds AS text[]), CAST(:scopes AS text[]), CAST(:periods AS date[]))"
)
_LOCK = text(LOCKED)
_READ = text(
    "SELECT r.k AS kind, r.s AS scope_id, r.p AS period_start,"
    " coalesce(b.held_micros, 0) AS held_micros,"
    " coalesce(b.posted_micros, 0) AS posted_micros, c.cap_micros"
    f" FROM {_ROWS} AS r LEFT JOIN budgets b ON b.account_id = :account AND b.kind = r.k"
    " AND b.scope_id = r.s AND b.currency = :currency AND b.period_start = r.p"
    " LEFT JOIN budget_caps c ON c.account_id = :account AND c.kind = r.k AND c.scope_id = r.s"
    " AND c.currency = :currency ORDER BY r.k, r.s"
)
# The locks first, in their order; an UPDATE alone would take them in the order of the plan.
_MOVE = text(
    "WITH locked AS MATERIALIZED (SELECT kind, scope_id, period_start FROM budgets"
    " WHERE account_id = :account AND currency = :currency"
    f" AND (kind, scope_id, period_start) IN {_ROWS} ORDER BY kind, scope_id FOR UPDATE)"
    " UPDATE budgets b SET held_micros = held_micros + :held,"
    " posted_micros = posted_micros + :posted FROM locked l"
    " WHERE b.account_id = :account AND b.currency = :currency AND (b.kind, b.scope_id,"
    " b.period_start) = (l.kind, l.scope_id, l.period_start)"
)
# Parts of the statement that holds, over what `LOCKED` gave. What fits, and what is left then; of
# rows made a moment ago, which a statement does not see that began before, nothing is held yet.
FITS = (
    "SELECT count(*) = (SELECT count(*) FROM budgets b"
    f"  WHERE b.account_id = :account AND b.currency = :currency"
    f"  AND (b.kind, b.scope_id, b.period_start) IN {_ROWS}) AS seen,"
    " min(CASE WHEN kind = 'balance' THEN coalesce(cap_micros, 0) ELSE cap_micros END"
    "  - held_micros - posted_micros) - CAST(:amount AS bigint) AS remaining FROM locked"
)
HOLD = (
    "UPDATE budgets b SET held_micros = held_micros + :amount FROM recorded,"
    f" {_ROWS} AS r WHERE b.account_id = :account AND b.currency = :currency"
    " AND (b.kind, b.scope_id, b.period_start) = (r.k, r.s, r.p)"
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

    @classmethod
    def of_today(cls, account_id: str, api_key_id: str, currency: str) -> "BudgetScope":
        """The budgets that a hold made now falls under. Days and months are UTC's."""
        today = datetime.now(UTC).date()
        return cls(account_id, api_key_id, currency, today, today.replace(day=1))

    def parameters(self) -> dict[str, Any]:
        """The rows as parallel arrays, for `unnest`."""
        rows = [
            ("account_day", "", self.day),
            ("account_month", "", self.month),
            ("account_total", "", _NO_PERIOD),
            ("api_key", self.api_key_id, _NO_PERIOD),
            ("balance", "", _NO_PERIOD),
        ]
        kinds, scopes, periods = zip(*rows, strict=True)
        return {
            "account": self.account_id,
            "currency": self.currency,
            "kinds": list(kinds),
            "scopes": list(scopes),
            "periods": list(periods),
        }


@dataclass(frozen=True)
class BudgetState:
    """One locked budget row with its cap."""

    kind: str
    scope_id: str
    period_start: date
    held_micros: int
    posted_micros: int
    cap_micros: int | None

    @property
    def remaining_micros(self) -> int | None:
        """What still fits under the cap; None without a cap. A balance without credit is zero."""
        if self.cap_micros is None:
            return 0 if self.kind == "balance" else None
        return max(0, self.cap_micros - self.held_micros - self.posted_micros)

    @property
    def resets_at(self) -> datetime | None:
        """When the budget starts over (UTC); None for those that never do."""
        if self.kind == "account_day":
            return _midnight(self.period_start + timedelta(days=1))
        if self.kind == "account_month":
            return _midnight((self.period_start + timedelta(days=32)).replace(day=1))
        return None


async def read(connection: AsyncConnection, scope: BudgetScope) -> list[BudgetState]:
    """The budgets of the scope as they are, without locks; a row that is not there yet is empty."""
    return states_of(await connection.execute(_READ, scope.parameters()))


async def lock(connection: AsyncConnection, scope: BudgetScope) -> list[BudgetState]:
    """Lock the budget rows in the fixed order; missing ones, as on a month's first, are made."""
    return states_of(await connection.execute(_LOCK, scope.parameters()))


def states_of(rows: Iterable[Any]) -> list[BudgetState]:
    """Rows of budgets, as `LOCKED` gives them."""
    return [
        BudgetState(
            kind=row.kind,
            scope_id=row.scope_id,
            period_start=row.period_start,
            held_micros=row.held_micros,
            posted_micros=row.posted_micros,
            cap_micros=row.cap_micros,
        )
        for row in rows
    ]


def remaining_of(states: Iterable[BudgetState]) -> int:
    """What fits under the tightest budget; a balance always bounds it."""
    return min(s.remaining_micros for s in states if s.remaining_micros is not None)


async def move(
    connection: AsyncConnection, scope: BudgetScope, *, held: int = 0, posted: int = 0
) -> None:
    """Add to what is held and posted under every budget of the scope; a trigger guards the caps."""
    await connection.execute(_MOVE, {**scope.parameters(), "held": held, "posted": posted})


async def balance_left(connection: AsyncConnection, account_id: str, currency: str) -> int:
    """The credit that is neither held nor spent; until the transaction ends nobody holds of it."""
    scope = {"account_id": account_id, "currency": currency}
    await connection.execute(_ENSURE_BALANCE, scope)
    used: int = (await connection.execute(_LOCK_BALANCE, scope)).scalar_one()
    credited: int | None = (await connection.execute(_BALANCE_CAP, scope)).scalar_one_or_none()
    return (credited or 0) - used


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
