"""Money that goes back: reversal entries only, since nothing in the ledger is ever changed.

Lock order as everywhere: a cast's hold before its budgets. Whoever is late finds it done.
"""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database
from infra.repositories import budgets
from infra.repositories.budgets import BudgetScope
from infra.repositories.ledger import LedgerAccountName, Transfer, move_money
from schema.chart_of_accounts import REVERSAL_PREFIX
from schema.errors import SpellError

_LOCK_SETTLED = text(
    "SELECT h.*, c.billing FROM holds h JOIN casts c ON c.id = h.cast_id"
    " WHERE h.cast_id = :cast_id AND h.state = 'posted' FOR UPDATE OF h, c"
)
_CHARGES = text(
    "SELECT t.*, d.kind AS debit_kind, d.account_id AS debit_owner, c.kind AS credit_kind,"
    " c.account_id AS credit_owner FROM ledger_transfers t"
    " JOIN ledger_accounts d ON d.id = t.debit_account_id"
    " JOIN ledger_accounts c ON c.id = t.credit_account_id"
    " WHERE t.reference = ANY(:references) ORDER BY t.id"
)
_REFUNDED = text("UPDATE casts SET billing = 'refunded' WHERE id = :cast_id")
_SHRINK_BALANCE = text(
    "UPDATE budget_caps SET cap_micros = cap_micros - :amount, updated_at = now()"
    " WHERE account_id = :account_id AND kind = 'balance' AND currency = :currency"
)


class PostgresReversals:
    """Takes back what was charged, or credited, in one transaction each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def refund_cast(self, cast_id: str) -> bool:
        """Give a caster back all that a settled cast cost; False when that was done before.

        Maker's share and platform's fee are taken back; the budgets of the day, the month and the
        key that were charged have the room again.

        Raises:
            SpellError: CAST_NOT_FOUND, when no cast of this id was charged.
        """
        async with self._database.transaction() as connection:
            hold = (await connection.execute(_LOCK_SETTLED, {"cast_id": cast_id})).one_or_none()
            if hold is None:
                raise SpellError("CAST_NOT_FOUND")
            if hold.billing == "refunded":
                return False
            await self._take_back(connection, hold)
            await connection.execute(_REFUNDED, {"cast_id": cast_id})
        return True

    async def undo_credit(self, reference: str) -> bool:
        """Take prepaid credit back that was added under this reference; False when it was before.

        Raises:
            SpellError: VALIDATION_ERROR, when nothing was credited so; PAYMENT_REQUIRED, when it
                has been spent or is held.
        """
        async with self._database.transaction() as connection:
            [*found] = await _transfers(connection, [f"credit:{reference}"])
            if not found:
                raise SpellError("VALIDATION_ERROR", "No credit has this reference.")
            (credited,) = found
            scope = {"account_id": credited.credit_owner, "currency": credited.currency}
            if not await move_money(connection, [_reversal(credited)]):
                return False
            left = await budgets.balance_left(connection, **scope)
            if left < credited.amount_micros:
                raise SpellError("PAYMENT_REQUIRED", "That credit is spent or held.")
            amount = credited.amount_micros
            await connection.execute(_SHRINK_BALANCE, {**scope, "amount": amount})
        return True

    async def _take_back(self, connection: AsyncConnection, hold: Any) -> None:
        cast_id, currency, cost = hold.cast_id, hold.currency, hold.posted_micros
        charged = await _transfers(connection, [f"{cast_id}:post", f"{cast_id}:fee"])
        held = LedgerAccountName("caster_hold", hold.account_id, currency)
        credit = LedgerAccountName("caster_credit", hold.account_id, currency)
        back = Transfer(f"{cast_id}:refund", "refund", held, credit, cost, cast_id)
        await move_money(connection, [*(_reversal(one) for one in charged), back])
        scope = BudgetScope(hold.account_id, hold.api_key_id, currency, hold.day, hold.month)
        await budgets.move(connection, scope, posted=-cost)


async def _transfers(connection: AsyncConnection, references: list[str]) -> list[Any]:
    return list((await connection.execute(_CHARGES, {"references": references})).all())


def _reversal(row: Any) -> Transfer:
    """The entry that takes a transfer back: the same accounts, swapped."""
    return Transfer(
        reference=f"{REVERSAL_PREFIX}{row.reference}",
        kind="reversal",
        debit=LedgerAccountName(row.credit_kind, row.credit_owner, row.currency),
        credit=LedgerAccountName(row.debit_kind, row.debit_owner, row.currency),
        amount_micros=row.amount_micros,
        cast_id=row.cast_id,
    )
