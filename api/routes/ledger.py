"""The platform's own books, for operators; and the keys that check its seals, for everybody."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.cursors import read_text_cursor, text_cursor
from api.deps import LedgerAccountDep, OperatorDep, ServicesDep
from api.statement_documents import (
    BalancePage,
    FromQuery,
    StatementPage,
    ToQuery,
    period_of,
    statement_page,
)
from schema import limits
from schema.contracts.ledger import VerificationPage, VerificationPart
from schema.contracts.receipt import ReceiptKeys
from schema.errors import SpellError
from schema.ids import LEDGER_ACCOUNT_ID, AccountId

router = APIRouter(prefix="/v1/ledger", tags=["ledger"])


@router.get("/keys")
async def get_ledger_keys(services: ServicesDep, response: Response) -> ReceiptKeys:
    """The public keys that seals and proofs are checked by. Anybody may read them."""
    response.headers["Cache-Control"] = "public, max-age=3600"
    return services.ledger.proofs.keys()


@router.get("/verification/{part}")
async def verify_ledger(
    part: VerificationPart,
    identity: OperatorDep,
    services: ServicesDep,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> VerificationPage:
    """One step of a look through the books: go on with `next_cursor` until there is none."""
    del identity
    return await services.ledger.verification.page(part, cursor)


@router.get("/accounts")
async def list_ledger_accounts(
    identity: OperatorDep,
    services: ServicesDep,
    account_id: AccountId | None = None,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
    limit: Annotated[int, Query(ge=1, le=limits.LIST_LIMIT_MAX)] = 20,
) -> BalancePage:
    """Ledger accounts with what they hold: everybody's, or one account's."""
    del identity
    after = read_text_cursor(cursor, LEDGER_ACCOUNT_ID) or ""
    found = await services.ledger.statements.ledger_accounts(
        account_id, after=after, limit=limit + 1
    )
    page = found[:limit]
    more = text_cursor(page[-1].account) if len(found) > limit else None
    return BalancePage(items=page, next_cursor=more)


@router.get("/accounts/{account}/statement")
async def get_account_statement(
    account: LedgerAccountDep,
    identity: OperatorDep,
    services: ServicesDep,
    begin: FromQuery = None,
    to: ToQuery = None,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
    limit: Annotated[int, Query(ge=1, le=limits.LIST_LIMIT_MAX)] = 20,
) -> StatementPage:
    """What moved on any ledger account, oldest first."""
    del identity
    period = period_of(begin, to)
    page = await statement_page(
        services.ledger.statements, [account], period, cursor=cursor, limit=limit, whole=True
    )
    if not page.balances:
        raise SpellError("LEDGER_ACCOUNT_NOT_FOUND")
    return page
