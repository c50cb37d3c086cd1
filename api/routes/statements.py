"""An account's own books: statement, balances, and proofs that they are in the sealed ledger."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.deps import OwnerDep, ServicesDep
from api.statement_documents import (
    BalancePage,
    FromQuery,
    StatementPage,
    ToQuery,
    period_of,
    statement_page,
)
from schema import limits
from schema.contracts.ledger import LedgerBalance, TransferProof
from schema.ids import TRANSFER_ID_MAX

router = APIRouter(prefix="/v1/billing", tags=["billing"])


@router.get("/statement")
async def get_statement(
    identity: OwnerDep,
    services: ServicesDep,
    begin: FromQuery = None,
    to: ToQuery = None,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
    limit: Annotated[int, Query(ge=1, le=limits.LIST_LIMIT_MAX)] = 20,
) -> StatementPage:
    """What moved on the account's ledger accounts, oldest first, with the balances around it."""
    statements = services.ledger.statements
    accounts = await statements.accounts_of(identity.caller.account_id)
    period = period_of(begin, to)
    return await statement_page(
        statements, accounts, period, cursor=cursor, limit=limit, whole=False
    )


@router.get("/balances")
async def get_balances(identity: OwnerDep, services: ServicesDep) -> BalancePage:
    """What the account's ledger accounts hold now, by the ledger."""
    statements, now = services.ledger.statements, datetime.max.replace(tzinfo=UTC)
    accounts = await statements.accounts_of(identity.caller.account_id)
    found = await statements.balances(accounts, now, now)
    return BalancePage(
        items=[LedgerBalance(**one.model_dump(exclude={"opening_micros"})) for one in found]
    )


@router.get("/transfers/{transfer_id}/proof")
async def get_proof(
    transfer_id: Annotated[int, Path(ge=1, le=TRANSFER_ID_MAX)],
    identity: OwnerDep,
    services: ServicesDep,
) -> TransferProof:
    """That a transfer is in the sealed ledger, to be checked without the platform."""
    return await services.ledger.proofs.proof(transfer_id, identity.caller.account_id)
