"""Buy copies of templates; read and cancel purchases. See docs/clone-mode.md."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from api.bodies import body_schema, read_json
from api.deps import CasterDep, Identity, Services, ServicesDep, SpellKeyDep
from api.problems import problem_response
from api.purchase_documents import (
    PurchaseBody,
    PurchaseDocument,
    PurchasePage,
    purchase_document,
)
from api.request_headers import required_key
from schema import limits
from schema.canonical import canonical_json
from schema.contracts.purchases import PurchaseInput, PurchaseStatus, PurchaseView
from schema.errors import SpellError
from schema.ids import PURCHASE_ID_PATTERN, keyed_digest, purchase_id_for

router = APIRouter(prefix="/v1", tags=["purchases"])


@router.post(
    "/catalog/spells/{key}/purchase",
    status_code=202,
    response_model=PurchaseDocument,
    openapi_extra=body_schema(PurchaseBody),
)
async def buy_spell(
    request: Request,
    identity: CasterDep,
    key: SpellKeyDep,
    services: ServicesDep,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> Response:
    """Buy a copy of a template, made in a GitHub account of yours.

    Answers where to pay; with credit, or for free, the copy is being made already.
    """
    buyers_key = required_key(idempotency_key)
    purchase = _purchase_input(identity, key, await read_json(request, PurchaseBody), buyers_key)
    recorded = await services.purchases.recorded(purchase.purchase_id)
    if recorded is not None and recorded[0] != purchase.fingerprint:
        details = {"purchase_id": purchase.purchase_id}
        raise SpellError("IDEMPOTENCY_CONFLICT", details=details)
    headers = {} if recorded is None else {"Idempotent-Replayed": "true"}
    if recorded is not None:
        view = await own_purchase(services, identity, purchase.purchase_id)
        if view.status is PurchaseStatus.REFUSED and view.problem is not None:
            return problem_response(request, view.problem.to_error(), headers)
        if view.status is PurchaseStatus.COMPLETED:
            # Its process may be long forgotten: a new one would find the copy in its own way.
            return _accepted(view, headers)
    answer = await services.purchasing.buy(purchase)
    if answer.problem is not None:
        # Returned, not raised: a refusal is replayed for its key like any other answer.
        return problem_response(request, answer.problem.to_error(), headers)
    return _accepted(await own_purchase(services, identity, purchase.purchase_id), headers)


def _accepted(view: PurchaseView, headers: dict[str, str]) -> Response:
    place = {"Location": f"/v1/purchases/{view.purchase_id}"}
    return JSONResponse(purchase_document(view).model_dump(mode="json"), 202, {**headers, **place})


@router.get("/purchases")
async def list_purchases(
    identity: CasterDep,
    services: ServicesDep,
    cursor: Annotated[str | None, Query(max_length=128)] = None,
    limit: Annotated[int, Query(ge=1, le=limits.LIST_LIMIT_MAX)] = 20,
) -> PurchasePage:
    """Your account's purchases, newest first."""
    if cursor is not None and not PURCHASE_ID_PATTERN.match(cursor):
        raise SpellError("VALIDATION_ERROR", "The cursor is not one that this list gave.")
    views = await services.purchases.purchases(
        identity.caller.account_id, before=cursor, limit=limit + 1
    )
    page = views[:limit]
    more = page[-1].purchase_id if len(views) > limit else None
    return PurchasePage(items=[purchase_document(view) for view in page], next_cursor=more)


@router.get("/purchases/{purchase_id}")
async def get_purchase(
    purchase_id: str, identity: CasterDep, services: ServicesDep
) -> PurchaseDocument:
    """One purchase with its receipt: licence, repository, pull request, amount."""
    return purchase_document(await own_purchase(services, identity, purchase_id))


@router.post("/purchases/{purchase_id}:cancel")
async def cancel_purchase(
    purchase_id: str, identity: CasterDep, services: ServicesDep
) -> PurchaseDocument:
    """Give a purchase up before it is paid. A payment that was faster wins: 409."""
    await own_purchase(services, identity, purchase_id)
    await services.purchasing.cancel(purchase_id)
    return purchase_document(await own_purchase(services, identity, purchase_id))


async def own_purchase(services: Services, identity: Identity, purchase_id: str) -> PurchaseView:
    """The caller's purchase. Raises SpellError(PURCHASE_NOT_FOUND), for foreign ones too."""
    view = None
    if PURCHASE_ID_PATTERN.match(purchase_id):
        view = await services.purchases.purchase(identity.caller.account_id, purchase_id)
    if view is None:
        raise SpellError("PURCHASE_NOT_FOUND")
    return view


def _purchase_input(
    identity: Identity, key: str, body: PurchaseBody, idempotency_key: str
) -> PurchaseInput:
    account_id, secret = identity.caller.account_id, identity.cast_secret
    asked = canonical_json(body.model_dump(mode="json"))
    return PurchaseInput(
        purchase_id=purchase_id_for(account_id, secret, idempotency_key),
        account_id=account_id,
        api_key_id=identity.caller.api_key_id,
        fingerprint=keyed_digest(secret, b"purchase", key.encode("utf-8"), asked),
        spell_key=key,
        version=body.version,
        repository=body.repository,
        private=body.private,
        pay_with=body.pay_with,
    )
