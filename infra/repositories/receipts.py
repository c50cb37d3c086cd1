"""What receipts are made of, in Postgres: an ended cast, its record, its money."""

from typing import Any

from sqlalchemy import text

from infra.postgres import Database, row_dict
from infra.vault import PlatformVault
from schema.contracts.cast import (
    Admission,
)
from schema.contracts.plans import Mode, RunPlan
from schema.contracts.problem import Problem
from schema.contracts.receipt import (
    ActionsReceipt,
    ActionsReceiptRun,
    AnyReceipt,
    Receipt,
    ReceiptRun,
    ReceiptTransfer,
)
from schema.receipts import SALT_BYTES, SALT_PURPOSE

_CAST = text(
    "SELECT c.*, h.amount_micros AS hold_micros FROM casts c JOIN holds h ON h.cast_id = c.id"
    " WHERE c.id = :cast_id AND c.account_id = :account_id"
    " AND c.finished_at IS NOT NULL AND c.record IS NOT NULL"
)
# What came later, such as a refund, is no part of what the cast cost.
_TRANSFERS = text(
    "SELECT reference, kind, amount_micros FROM ledger_transfers WHERE cast_id = :cast_id"
    " AND kind IN ('hold', 'post', 'fee', 'void') ORDER BY id"
)
_ADMISSION = text(
    "SELECT admission FROM idempotency_records"
    " WHERE cast_id = :cast_id AND account_id = :account_id"
)


class PostgresReceipts:
    """Reads receipts together; they are stored nowhere as such. Fits the ports `Receipts`.

    Args:
        database: where casts and their money are.
        vault: derives the salt of a cast's digests. With it in a table, whoever reads the table
            could guess small inputs.
    """

    def __init__(self, database: Database, vault: PlatformVault) -> None:
        self._database = database
        self._vault = vault

    async def receipt(self, account_id: str, cast_id: str) -> AnyReceipt | None:
        """The receipt of an account's cast; None while it has not ended, or when nothing ran."""
        async with self._database.reading() as connection:
            parameters = {"cast_id": cast_id, "account_id": account_id}
            row = (await connection.execute(_CAST, parameters)).one_or_none()
            if row is None:
                return None
            moved = await connection.execute(_TRANSFERS, {"cast_id": cast_id})
            transfers = [ReceiptTransfer(**row_dict(transfer)) for transfer in moved]
        salt = self._vault.derive(cast_id, SALT_PURPOSE, SALT_BYTES).hex()
        return _receipt(row, transfers, salt)

    async def plan(self, account_id: str, cast_id: str) -> RunPlan | None:
        """What the fleet was to run, at once or as a fallback; None when it was not to."""
        async with self._database.reading() as connection:
            parameters = {"cast_id": cast_id, "account_id": account_id}
            found = (await connection.execute(_ADMISSION, parameters)).scalar_one_or_none()
        if found is None:
            return None
        admission = Admission.model_validate(found)
        plans = [admission.plan, admission.fallback]
        return next((plan for plan in plans if isinstance(plan, RunPlan)), None)


def _receipt(row: Any, transfers: list[ReceiptTransfer], salt: str) -> AnyReceipt:
    """The receipt, by the mode in which the cast ran: records of the fleet do not say theirs."""
    said = {**_common(row), "transfers": transfers}
    if row.record.get("mode") == Mode.WORKFLOW:
        return ActionsReceipt(run=ActionsReceiptRun(**row.record, salt=salt), **said)
    return Receipt(run=ReceiptRun(**row.record, salt=salt), **said)


def _common(row: Any) -> dict[str, Any]:
    problem = Problem.model_validate(row.problem) if row.problem else None
    return {
        "cast_id": row.id,
        "spell": row.spell_key,
        "version": row.version,
        "package_digest": row.package_digest,
        "engine": row.engine or "",
        "status": row.status,
        "code": problem.code if problem else None,
        "usage": row.usage,
        "hold_micros": row.hold_micros,
        "cost_micros": row.cost_micros,
        "currency": row.currency,
        "created_at": row.created_at,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
    }
