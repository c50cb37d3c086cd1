"""Seals and the rows under them, in Postgres.

Rows are taken in the order of (transaction, id), up to the oldest transaction that still runs: all
below it has been committed or never will be, so no row can appear there later. Hence a range of
positions stands for one set of rows for ever, and no row carries a mark of its seal.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from infra.postgres import Database
from schema.contracts.ledger import LedgerSeal, RowPosition, SignedSeal, UnsealedTail
from schema.ledger_seals import LedgerRow

# ruff: noqa: S608  (the statements below are put together from constants only)
_HORIZON = "(pg_snapshot_xmin(pg_current_snapshot())::text::bigint + ledger_transaction_offset())"
_AHEAD = "(pg_snapshot_xmax(pg_current_snapshot())::text::bigint + ledger_transaction_offset())"
_ROW = (
    "id, reference, kind, debit_account_id, credit_account_id, currency, amount_micros, cast_id, "
    "created_at, transaction_id"
)
_UNSEALED = text(
    f"SELECT {_ROW}, now() AS seen_at FROM ledger_transfers"
    " WHERE (transaction_id, id) > (:transaction_id, :id)"
    f" AND transaction_id < {_HORIZON} ORDER BY transaction_id, id LIMIT :limit"
)
_BETWEEN = text(
    f"SELECT {_ROW} FROM ledger_transfers WHERE (transaction_id, id) >"
    " (:after_transaction_id, :after_id)"
    " AND (transaction_id, id) <= (:last_transaction_id, :last_id)"
    " ORDER BY transaction_id, id LIMIT :limit"
)
_LAST = text("SELECT * FROM ledger_seals ORDER BY number DESC LIMIT 1")
_SEALS = text("SELECT * FROM ledger_seals WHERE number >= :number ORDER BY number LIMIT :limit")
_RECORD = text(
    "INSERT INTO ledger_seals (number, previous, after_transaction_id, after_id,"
    " last_transaction_id, last_id, rows, root, sealed_at, key_id, signature) VALUES (:number,"
    " :previous, :after_transaction_id, :after_id, :last_transaction_id, :last_id, :rows, :root,"
    " :sealed_at, :key_id, :signature) ON CONFLICT (number) DO NOTHING RETURNING number"
)
_TAIL = text(
    "SELECT count(*) AS rows, coalesce(extract(epoch FROM now() - min(created_at)), 0) AS seconds"
    " FROM (SELECT created_at FROM ledger_transfers"
    " WHERE (transaction_id, id) > (:transaction_id, :id)"
    " ORDER BY transaction_id, id LIMIT :limit) AS tail"
)
_ROWS_AHEAD = text(
    f"SELECT id, reference FROM ledger_transfers WHERE transaction_id >= {_AHEAD}"
    " ORDER BY transaction_id, id LIMIT :limit"
)
# An account proves its own side; of what a maker earned by a cast, that would tell who cast.
_TRANSFER = text(
    f"SELECT {', '.join(f't.{name}' for name in _ROW.split(', '))} FROM ledger_transfers t"
    " JOIN ledger_accounts d ON d.id = t.debit_account_id"
    " JOIN ledger_accounts c ON c.id = t.credit_account_id WHERE t.id = :id"
    " AND (CAST(:only_of AS text) IS NULL OR d.account_id = :only_of"
    "  OR c.account_id = :only_of AND (d.account_id IS NULL OR d.account_id = :only_of))"
)
_NUMBER_OF = text(
    "SELECT number FROM ledger_seals"
    " WHERE (after_transaction_id, after_id) < (:transaction_id, :id)"
    " AND (last_transaction_id, last_id) >= (:transaction_id, :id)"
    " ORDER BY number LIMIT 1"
)
_NEXT_TRANSACTION = text(f"SELECT {_AHEAD}")
_TAIL_ROWS_MAX = 1_000_000


class PostgresLedgerSeals:
    """The table of seals, and the rows that they cover."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last(self) -> SignedSeal | None:
        """The newest seal."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_LAST)).one_or_none()
        return _seal(row) if row is not None else None

    async def seals(self, number: int, limit: int) -> list[SignedSeal]:
        """Seals from this number on."""
        async with self._database.reading() as connection:
            rows = await connection.execute(_SEALS, {"number": number, "limit": limit})
            return [_seal(row) for row in rows]

    async def unsealed(
        self, after: RowPosition, limit: int
    ) -> tuple[list[LedgerRow], datetime | None]:
        """Rows behind a position that no transaction can add to any more, and when that was."""
        async with self._database.reading() as connection:
            found = await connection.execute(_UNSEALED, {**after.model_dump(), "limit": limit})
            rows: Sequence[Any] = found.all()
        return [_row(row) for row in rows], rows[0].seen_at if rows else None

    async def between(self, seal: LedgerSeal, limit: int) -> list[LedgerRow]:
        """The rows that a seal is about, as they are now."""
        async with self._database.reading() as connection:
            found = await connection.execute(_BETWEEN, {**_bounds(seal), "limit": limit})
            return [_row(row) for row in found]

    async def record(self, signed: SignedSeal) -> bool:
        """Write a seal down; False when another sealer has written one of this number."""
        seal = signed.seal
        values = {
            **_bounds(seal),
            **seal.model_dump(include={"number", "previous", "rows", "root", "key_id"}),
            "sealed_at": seal.sealed_at,
            "signature": signed.signature,
        }
        async with self._database.transaction() as connection:
            return (await connection.execute(_RECORD, values)).first() is not None

    async def tail(self, after: RowPosition) -> UnsealedTail:
        """What no seal covers, those of running transactions included as far as they show."""
        async with self._database.reading() as connection:
            values = {**after.model_dump(), "limit": _TAIL_ROWS_MAX}
            row = (await connection.execute(_TAIL, values)).one()
        return UnsealedTail(rows=row.rows, seconds=max(0.0, float(row.seconds)))

    async def ahead(self, limit: int) -> list[tuple[int, str]]:
        """Rows (id, reference) of transactions that have not begun: somebody made them up."""
        async with self._database.reading() as connection:
            rows = await connection.execute(_ROWS_AHEAD, {"limit": limit})
            return [(row.id, row.reference) for row in rows]

    async def row(self, transfer_id: int, only_of: str | None) -> LedgerRow | None:
        """A transfer that an account may see whole; None for `only_of` is an operator."""
        async with self._database.reading() as connection:
            values = {"id": transfer_id, "only_of": only_of}
            row = (await connection.execute(_TRANSFER, values)).one_or_none()
        return _row(row) if row is not None else None

    async def number_of(self, position: RowPosition) -> int | None:
        """The seal that a row is under; None while there is none."""
        async with self._database.reading() as connection:
            found = await connection.execute(_NUMBER_OF, position.model_dump())
            return found.scalar_one_or_none()

    async def next_transaction(self) -> int:
        """The number that the next transaction gets here."""
        async with self._database.reading() as connection:
            return int((await connection.execute(_NEXT_TRANSACTION)).scalar_one())


def _bounds(seal: LedgerSeal) -> dict[str, int]:
    return {
        "after_transaction_id": seal.after.transaction_id,
        "after_id": seal.after.id,
        "last_transaction_id": seal.last.transaction_id,
        "last_id": seal.last.id,
    }


def _seal(row: Any) -> SignedSeal:
    seal = LedgerSeal(
        number=row.number,
        previous=row.previous,
        after=RowPosition(transaction_id=row.after_transaction_id, id=row.after_id),
        last=RowPosition(transaction_id=row.last_transaction_id, id=row.last_id),
        rows=row.rows,
        root=row.root,
        sealed_at=row.sealed_at,
        key_id=row.key_id,
    )
    return SignedSeal(seal=seal, signature=row.signature)


def _row(row: Any) -> LedgerRow:
    return LedgerRow(
        id=row.id,
        reference=row.reference,
        kind=row.kind,
        debit_account_id=row.debit_account_id,
        credit_account_id=row.credit_account_id,
        currency=row.currency,
        amount_micros=row.amount_micros,
        cast_id=row.cast_id,
        created_at=row.created_at,
        transaction_id=row.transaction_id,
    )
