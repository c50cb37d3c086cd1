"""The double-entry ledger: accounts by name, balanced transfers, nothing ever changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_OPEN = text(
    "INSERT INTO ledger_accounts (id, kind, account_id, currency)"
    " SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:kinds AS text[]), CAST(:owners AS text[]),"
    " CAST(:currencies AS text[])) ON CONFLICT (id) DO NOTHING"
)
_TRANSFER = text(
    "INSERT INTO ledger_transfers (reference, kind, debit_account_id, credit_account_id,"
    " currency, amount_micros, cast_id)"
    " SELECT * FROM unnest(CAST(:references AS text[]), CAST(:kinds AS text[]),"
    " CAST(:debits AS text[]), CAST(:credits AS text[]), CAST(:currencies AS text[]),"
    " CAST(:amounts AS bigint[]), CAST(:cast_ids AS text[]))"
    " ON CONFLICT (reference) DO NOTHING RETURNING id"
)
# Part of the statement that holds: for the cast that `recorded` has. What is free moves nothing.
HOLD_TRANSFER = (
    "INSERT INTO ledger_transfers (reference, kind, debit_account_id, credit_account_id,"
    " currency, amount_micros, cast_id) SELECT cast_id || '\\:hold', 'hold',"
    " concat('caster_credit\\:', CAST(:account AS text), '\\:', CAST(:currency AS text)),"
    " concat('caster_hold\\:', CAST(:account AS text), '\\:', CAST(:currency AS text)),"
    " :currency, :amount, cast_id FROM recorded WHERE :amount > 0"
)


@dataclass(frozen=True)
class LedgerAccountName:
    """Names a ledger account, such as `caster_credit:acct_…:USD` or `platform_revenue:USD`."""

    kind: str
    account_id: str | None
    currency: str

    @property
    def id(self) -> str:
        """The account's id in the ledger."""
        return ":".join(part for part in (self.kind, self.account_id, self.currency) if part)


@dataclass(frozen=True)
class Transfer:
    """One movement of money. `reference` names its business reason, once and for all."""

    reference: str
    kind: str
    debit: LedgerAccountName
    credit: LedgerAccountName
    amount_micros: int
    cast_id: str | None = None


async def open_accounts(connection: AsyncConnection, accounts: Sequence[LedgerAccountName]) -> None:
    """Make sure that the ledger accounts are there, in one order for everybody."""
    ordered = sorted(set(accounts), key=lambda account: account.id)
    await connection.execute(
        _OPEN,
        {
            "ids": [account.id for account in ordered],
            "kinds": [account.kind for account in ordered],
            "owners": [account.account_id for account in ordered],
            "currencies": [account.currency for account in ordered],
        },
    )


async def move_money(connection: AsyncConnection, transfers: Sequence[Transfer]) -> int:
    """Make the transfers whose reference has not moved before; answers how many. Zeros move not."""
    real = [transfer for transfer in transfers if transfer.amount_micros]
    if not real:
        return 0
    result = await connection.execute(
        _TRANSFER,
        {
            "references": [transfer.reference for transfer in real],
            "kinds": [transfer.kind for transfer in real],
            "debits": [transfer.debit.id for transfer in real],
            "credits": [transfer.credit.id for transfer in real],
            "currencies": [transfer.debit.currency for transfer in real],
            "amounts": [transfer.amount_micros for transfer in real],
            "cast_ids": [transfer.cast_id for transfer in real],
        },
    )
    return len(result.all())
