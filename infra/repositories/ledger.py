"""The double-entry ledger: accounts by name, balanced transfers, nothing ever changed."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_OPEN = text(
    "INSERT INTO ledger_accounts (id, kind, account_id, currency) "
    "VALUES (:id, :kind, :account_id, :currency) ON CONFLICT (id) DO NOTHING"
)
_TRANSFER = text(
    "INSERT INTO ledger_transfers (reference, kind, debit_account_id, credit_account_id, currency,"
    " amount_micros, cast_id) VALUES (:reference, :kind, :debit, :credit, :currency, :amount,"
    " :cast_id) ON CONFLICT (reference) DO NOTHING RETURNING id"
)


def ledger_account(kind: str, account_id: str | None, currency: str) -> str:
    """The id of a ledger account, such as `caster_credit:acct_…:USD` or `platform_revenue:USD`."""
    return ":".join(part for part in (kind, account_id, currency) if part)


async def open_account(
    connection: AsyncConnection, kind: str, account_id: str | None, currency: str
) -> str:
    """Make sure the ledger account is there; answers its id."""
    account = ledger_account(kind, account_id, currency)
    await connection.execute(
        _OPEN, {"id": account, "kind": kind, "account_id": account_id, "currency": currency}
    )
    return account


async def transfer(
    connection: AsyncConnection,
    *,
    reference: str,
    kind: str,
    debit: str,
    credit: str,
    currency: str,
    amount_micros: int,
    cast_id: str | None = None,
) -> bool:
    """Move money once per reference; False when this reference moved before. Zero moves nothing."""
    if amount_micros == 0:
        return False
    result = await connection.execute(
        _TRANSFER,
        {
            "reference": reference,
            "kind": kind,
            "debit": debit,
            "credit": credit,
            "currency": currency,
            "amount": amount_micros,
            "cast_id": cast_id,
        },
    )
    return result.first() is not None
