"""Statements: what moved on ledger accounts in a period, and what they held before and after."""

from datetime import datetime
from typing import Any

from sqlalchemy import text

from infra.postgres import Database, row_dict
from schema.contracts.ledger import (
    LedgerBalance,
    StatementBalance,
    StatementLine,
    StatementPosition,
)

# ruff: noqa: S608  (the statements below are put together from constants only)
_OWN = text("SELECT id FROM ledger_accounts WHERE account_id = :account_id ORDER BY id")
_SIDES = (("debit", "credit", "-", 0), ("credit", "debit", "", 1))
# A transfer between two accounts of one owner is two lines: the one side first, then the other.
_LINES = text(
    "SELECT l.*, o.kind AS other FROM ("
    + " UNION ALL ".join(
        f"(SELECT id, kind, currency, reference, cast_id, created_at, {side} AS side,"
        f" {own}_account_id AS account, {other}_account_id AS other_id,"
        f" {sign}amount_micros AS amount_micros FROM ledger_transfers"
        f" WHERE {own}_account_id = ANY(:accounts) AND created_at >= :begin AND created_at < :end"
        f" AND (id, {side}) > (:after_id, :after_side) ORDER BY id LIMIT :limit)"
        for own, other, sign, side in _SIDES
    )
    + ") l JOIN ledger_accounts o ON o.id = l.other_id ORDER BY l.id, l.side LIMIT :limit"
)
_SUM = (
    "(SELECT coalesce(sum(amount_micros) FILTER (WHERE created_at < :end), 0) AS closing,"
    " coalesce(sum(amount_micros) FILTER (WHERE created_at < :begin), 0) AS opening"
    " FROM ledger_transfers WHERE {}_account_id = a.id)"
)
_BALANCES = text(
    "SELECT a.id AS account, a.kind, a.currency, c.closing - d.closing AS balance_micros,"
    " c.opening - d.opening AS opening_micros FROM ledger_accounts a"
    f" CROSS JOIN LATERAL {_SUM.format('credit')} c CROSS JOIN LATERAL {_SUM.format('debit')} d"
    " WHERE a.id = ANY(:accounts) ORDER BY a.id"
)
_EVERYBODYS = text(
    "SELECT b.id AS account, b.kind, b.currency, b.balance_micros FROM ("
    " SELECT a.id, a.kind, a.currency,"
    "  (SELECT coalesce(sum(amount_micros), 0) FROM ledger_transfers"
    "     WHERE credit_account_id = a.id)"
    "  - (SELECT coalesce(sum(amount_micros), 0) FROM ledger_transfers"
    "     WHERE debit_account_id = a.id) AS balance_micros"
    "  FROM ledger_accounts a WHERE a.id > :after"
    "  AND (CAST(:account_id AS text) IS NULL OR a.account_id = :account_id)"
    "  ORDER BY a.id LIMIT :limit) b ORDER BY b.id"
)
# A line of a maker's earnings does not tell who cast.
_NOT_TOLD = "maker_payable:"


class PostgresStatements:
    """Reads the ledger for those whose money it is, and for operators."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def accounts_of(self, account_id: str) -> list[str]:
        """The ledger accounts of an account."""
        async with self._database.reading() as connection:
            found = await connection.execute(_OWN, {"account_id": account_id})
            return [row.id for row in found]

    async def lines(
        self,
        accounts: list[str],
        begin: datetime,
        end: datetime,
        *,
        after: StatementPosition,
        limit: int,
        whole: bool,
    ) -> list[tuple[StatementLine, StatementPosition]]:
        """What moved on these accounts, oldest first, each with its position.

        Args:
            accounts: ids of ledger accounts.
            begin: the first moment of the period.
            end: the moment after the last.
            after: where the page before ended.
            limit: how many at most.
            whole: for operators: what makers earned tells by which cast.
        """
        values = {
            "accounts": accounts,
            "begin": begin,
            "end": end,
            "limit": limit,
            "after_id": after.id,
            "after_side": after.side,
        }
        async with self._database.reading() as connection:
            rows = await connection.execute(_LINES, values)
            return [
                (_line(row, whole=whole), StatementPosition(id=row.id, side=row.side))
                for row in rows
            ]

    async def balances(
        self, accounts: list[str], begin: datetime, end: datetime
    ) -> list[StatementBalance]:
        """What these accounts held when the period began, and when it ended."""
        values = {"accounts": accounts, "begin": begin, "end": end}
        async with self._database.reading() as connection:
            rows = await connection.execute(_BALANCES, values)
            return [StatementBalance(**row_dict(row)) for row in rows]

    async def ledger_accounts(
        self, account_id: str | None, *, after: str, limit: int
    ) -> list[LedgerBalance]:
        """Ledger accounts behind an id with what they hold: an account's, or everybody's."""
        values = {"account_id": account_id, "after": after, "limit": limit}
        async with self._database.reading() as connection:
            rows = await connection.execute(_EVERYBODYS, values)
            return [LedgerBalance(**row_dict(row)) for row in rows]


def _line(row: Any, *, whole: bool) -> StatementLine:
    told = whole or not row.account.startswith(_NOT_TOLD)
    return StatementLine(
        id=row.id,
        kind=row.kind,
        account=row.account,
        other=row.other,
        currency=row.currency,
        amount_micros=row.amount_micros,
        reference=row.reference if told else None,
        cast_id=row.cast_id if told else None,
        created_at=row.created_at,
    )
