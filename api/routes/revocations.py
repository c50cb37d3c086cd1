"""Revoke digests, identities, keys and spells; list revocations, lift them."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from api.bodies import body_schema, read_json
from api.cursors import number_cursor, read_number_cursor
from api.deps import OperatorDep, Services, ServicesDep
from schema import limits
from schema.contracts.base import Contract
from schema.contracts.revocation import (
    Because,
    Revocation,
    RevocationResult,
    RevocationView,
    Trusted,
)
from schema.errors import SpellError

router = APIRouter(prefix="/v1/revocations", tags=["revocations"])

_WAIT_SECONDS = 30.0
_GOES_ON: dict[int | str, dict[str, Any]] = {
    202: {"description": "It is in force and goes on: send the same request again"}
}
RevocationId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class RevocationBody(Contract):
    """Body of `POST /v1/revocations`."""

    trusted: Annotated[Trusted, Field(description="what is not to be trusted any more")]
    reason: Because


class RevocationPage(Contract):
    """One page of revocations."""

    items: list[RevocationView]
    next_cursor: str | None = None


@router.post(
    "",
    response_model=RevocationResult,
    responses=_GOES_ON,
    openapi_extra=body_schema(RevocationBody),
)
async def revoke(request: Request, identity: OperatorDep, services: ServicesDep) -> Response:
    """Revoke: new casts are refused, casts under way stop within seconds and cost nothing.

    The same again goes on with what is not done yet, and changes nothing otherwise.
    """
    body = await read_json(request, RevocationBody)
    by = identity.caller.account_id
    return await _apply(services, Revocation(trusted=body.trusted, reason=body.reason, by=by))


@router.get("")
async def list_revocations(
    identity: OperatorDep,
    services: ServicesDep,
    lifted: Annotated[bool, Query(description="those that were lifted, too")] = False,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
    limit: Annotated[int, Query(ge=1, le=limits.LIST_LIMIT_MAX)] = 20,
) -> RevocationPage:
    """Revocations, newest first."""
    del identity
    found = await services.revocations.revocations(
        before=read_number_cursor(cursor), lifted=lifted, limit=limit + 1
    )
    page = found[:limit]
    more = number_cursor(page[-1].id) if len(found) > limit else None
    return RevocationPage(items=page, next_cursor=more)


@router.delete("/{revocation_id}", response_model=RevocationResult, responses=_GOES_ON)
async def lift_revocation(
    revocation_id: RevocationId, identity: OperatorDep, services: ServicesDep
) -> Response:
    """Lift a revocation: what rests on nothing else that is revoked can be cast again."""
    found = await services.revocations.find(revocation_id)
    if found is None:
        raise SpellError("REVOCATION_NOT_FOUND", details={"revocation": revocation_id})
    trusted = Trusted(kind=found.kind, value=found.value, issuer=found.issuer)
    by = identity.caller.account_id
    return await _apply(
        services, Revocation(trusted=trusted, reason=found.reason, by=by, lift=True)
    )


async def _apply(services: Services, revocation: Revocation) -> Response:
    result = await services.revoking.apply(revocation, seconds_max=_WAIT_SECONDS)
    if result is None:
        return Response(status_code=202, headers={"Retry-After": "5"})
    return JSONResponse(result.model_dump(mode="json"))
