"""The ledger beside budgets, holds and casts, in pages: what a look through the books reads."""

from typing import Any

from sqlalchemy import text

from infra.postgres import Database
from schema.chart_of_accounts import AccountKind
from schema.ledger_checks import AccountState, CastState, PurchaseState

_HORIZON = text(
    "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint + ledger_transaction_offset()"
)
# Sums over pages are of transactions that were over when the first page was read: so they are of
# one moment, whatever moves meanwhile.
_ACCOUNTS = text(
    "WITH page AS (SELECT * FROM ledger_accounts WHERE id > :after ORDER BY id LIMIT :limit)"
    " SELECT p.id, p.kind, p.currency,"
    " coalesce(c.total, 0) - coalesce(d.total, 0) AS balance,"
    " coalesce(c.over, 0) - coalesce(d.over, 0) AS over,"
    " coalesce(c.of_casts, 0) - coalesce(d.of_casts, 0) AS of_casts,"
    " coalesce(k.cap_micros, 0) - coalesce(b.held_micros + b.posted_micros, 0) AS counted,"
    " CASE WHEN p.kind = 'caster_hold' THEN (SELECT coalesce(sum(amount_micros), 0) FROM holds h"
    "  WHERE h.account_id = p.account_id AND h.currency = p.currency AND h.state = 'held')"
    "  ELSE 0 END AS open"
    " FROM page p"
    " LEFT JOIN LATERAL (SELECT sum(amount_micros) AS total,"
    "  sum(amount_micros) FILTER (WHERE transaction_id < :horizon) AS over,"
    "  sum(amount_micros) FILTER (WHERE cast_id IS NOT NULL) AS of_casts"
    "  FROM ledger_transfers WHERE credit_account_id = p.id) c ON true"
    " LEFT JOIN LATERAL (SELECT sum(amount_micros) AS total,"
    "  sum(amount_micros) FILTER (WHERE transaction_id < :horizon) AS over,"
    "  sum(amount_micros) FILTER (WHERE cast_id IS NOT NULL) AS of_casts"
    "  FROM ledger_transfers WHERE debit_account_id = p.id) d ON true"
    " LEFT JOIN budget_caps k ON k.account_id = p.account_id AND k.kind = 'balance'"
    "  AND k.currency = p.currency AND p.kind = 'caster_credit'"
    " LEFT JOIN budgets b ON b.account_id = p.account_id AND b.kind = 'balance'"
    "  AND b.currency = p.currency AND p.kind = 'caster_credit'"
    " ORDER BY p.id"
)
_CASTS = text(
    "WITH page AS (SELECT h.*, c.billing, c.cost_micros, c.finished_at FROM holds h"
    "  JOIN casts c ON c.id = h.cast_id WHERE h.cast_id > :after ORDER BY h.cast_id LIMIT :limit)"
    " SELECT p.*, t.* FROM page p LEFT JOIN LATERAL (SELECT"
    "  coalesce(sum(amount_micros) FILTER (WHERE kind = 'hold'), 0) AS held,"
    "  coalesce(sum(amount_micros) FILTER (WHERE kind IN ('post', 'fee')), 0) AS charged,"
    "  coalesce(sum(amount_micros) FILTER (WHERE kind = 'void'), 0) AS voided,"
    "  coalesce(sum(amount_micros) FILTER (WHERE kind = 'reversal'), 0) AS taken_back,"
    "  coalesce(sum(amount_micros) FILTER (WHERE kind = 'refund'), 0) AS refunded"
    "  FROM ledger_transfers WHERE cast_id = p.cast_id) t ON true ORDER BY p.cast_id"
)
_PURCHASES = text(
    "WITH page AS (SELECT * FROM payments WHERE purchase_id > :after"
    "  ORDER BY purchase_id LIMIT :limit)"
    " SELECT p.purchase_id, p.provider, p.state, p.amount_micros, t.* FROM page p"
    " LEFT JOIN LATERAL (SELECT"
    "  coalesce(sum(amount_micros) FILTER (WHERE kind = 'hold'), 0) AS hold,"
    "  coalesce(sum(amount_micros) FILTER (WHERE kind = 'payment'), 0) AS payment,"
    "  coalesce(sum(amount_micros) FILTER (WHERE kind IN ('post', 'fee')), 0) AS shares,"
    "  coalesce(sum(amount_micros) FILTER (WHERE kind = 'void'), 0) AS void,"
    "  coalesce(sum(amount_micros) FILTER (WHERE kind = 'refund'), 0) AS refund"
    "  FROM ledger_transfers WHERE reference IN (SELECT concat(p.purchase_id, chr(58), k.kind)"
    "   FROM (VALUES ('hold'), ('payment'), ('post'), ('fee'), ('void'), ('refund')) k (kind))"
    " ) t ON true ORDER BY p.purchase_id"
)
_STRANGERS = text(
    "SELECT DISTINCT cast_id FROM ledger_transfers t WHERE cast_id > :after"
    " AND (CAST(:last AS text) IS NULL OR cast_id <= :last)"
    " AND NOT EXISTS (SELECT FROM holds h WHERE h.cast_id = t.cast_id) LIMIT :limit"
)


class PostgresLedgerBooks:
    """Pages of accounts and of casts, each read in one statement and so of one moment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def horizon(self) -> int:
        """The number below which every transaction is over."""
        async with self._database.reading() as connection:
            return int((await connection.execute(_HORIZON)).scalar_one())

    async def accounts(
        self, after: str, horizon: int, limit: int
    ) -> list[tuple[AccountState, str, int]]:
        """Accounts behind an id, each with its currency and its balance below the horizon."""
        values = {"after": after, "horizon": horizon, "limit": limit}
        async with self._database.reading() as connection:
            return [
                (_account(row), row.currency, int(row.over))
                for row in await connection.execute(_ACCOUNTS, values)
            ]

    async def casts(self, after: str, limit: int) -> list[CastState]:
        """Casts that held money, behind an id."""
        async with self._database.reading() as connection:
            rows = await connection.execute(_CASTS, {"after": after, "limit": limit})
            return [_cast(row) for row in rows]

    async def purchases(self, after: str, limit: int) -> list[PurchaseState]:
        """Payments of purchases, behind an id."""
        async with self._database.reading() as connection:
            rows = await connection.execute(_PURCHASES, {"after": after, "limit": limit})
            return [_purchase(row) for row in rows]

    async def strangers(self, after: str, last: str | None, limit: int) -> list[str]:
        """Cast ids in the ledger of which there is no hold, behind one id and up to another."""
        values = {"after": after, "last": last, "limit": limit}
        async with self._database.reading() as connection:
            return [row.cast_id for row in await connection.execute(_STRANGERS, values)]


def _account(row: Any) -> AccountState:
    return AccountState(
        account=row.id,
        kind=AccountKind(row.kind),
        balance_micros=int(row.balance),
        counted_micros=int(row.counted),
        cast_micros=int(row.of_casts),
        open_micros=int(row.open),
    )


def _purchase(row: Any) -> PurchaseState:
    kinds = ("hold", "payment", "shares", "void", "refund")
    return PurchaseState(
        purchase_id=row.purchase_id,
        provider=row.provider,
        state=row.state,
        amount_micros=row.amount_micros,
        moved={kind: int(getattr(row, kind)) for kind in kinds},
    )


def _cast(row: Any) -> CastState:
    return CastState(
        cast_id=row.cast_id,
        ended=row.finished_at is not None,
        billing=row.billing,
        cost_micros=row.cost_micros,
        hold=row.state,
        amount_micros=row.amount_micros,
        posted_micros=row.posted_micros,
        expires_at=row.expires_at,
        held=int(row.held),
        charged=int(row.charged),
        voided=int(row.voided),
        taken_back=int(row.taken_back),
        refunded=int(row.refunded),
    )
