"""After publishing: the log, re-scans, vulnerability reports and the public feed."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from api.advisory_feed import FEED_MEDIA_TYPE, feed_document
from api.bodies import body_schema, read_json
from api.cursors import number_cursor, read_number_cursor
from api.deps import CasterDep, IdentityDep, OperatorDep, ServicesDep, SpellKeyDep, VersionDep
from api.documents import LogPage
from schema import limits
from schema.contracts.aftercare import VulnerabilityReport
from schema.contracts.base import Contract
from schema.contracts.supply_chain_log import DeedKind
from schema.errors import SpellError
from schema.ids import SpellKey
from schema.scopes import Scope

router = APIRouter(prefix="/v1", tags=["supply chain"])

_FEED: dict[str, Any] = {
    "responses": {
        "200": {
            "description": "JSON Feed 1.1",
            "content": {FEED_MEDIA_TYPE: {"schema": {"type": "object"}}},
        }
    }
}


class RescanBody(Contract):
    """Body of `POST /v1/supply-chain/rescans`."""

    import_first: bool = True
    """Bring the advisories in before."""


class StartedRescan(Contract):
    """A re-scan that runs now."""

    workflow_id: str


@router.get("/supply-chain/log")
async def read_log(
    identity: IdentityDep,
    services: ServicesDep,
    spell: SpellKey | None = None,
    kind: DeedKind | None = None,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
    limit: Annotated[int, Query(ge=1, le=limits.LIST_LIMIT_MAX)] = 20,
) -> LogPage:
    """Who did what to which spell, newest first: all of it for auditors, their own for makers."""
    caller = identity.caller
    if not (caller.may(Scope.AUDIT) or caller.may(Scope.PUBLISH)):
        raise SpellError("FORBIDDEN", details={"scope": Scope.AUDIT.value})
    found = await services.supply_chain_log.entries(
        None if caller.may(Scope.AUDIT) else caller.account_id,
        spell_key=spell,
        kind=kind,
        before=read_number_cursor(cursor),
        limit=limit + 1,
    )
    page = found[:limit]
    more = number_cursor(page[-1].id) if len(found) > limit else None
    return LogPage(items=page, next_cursor=more)


@router.post("/supply-chain/rescans", status_code=202, openapi_extra=body_schema(RescanBody))
async def start_rescan(
    request: Request, identity: OperatorDep, services: ServicesDep
) -> StartedRescan:
    """Decide again on every published version now, or join the re-scan that runs."""
    del identity
    body = await read_json(request, RescanBody)
    workflow_id = await services.aftercare.rescan(import_first=body.import_first)
    return StartedRescan(workflow_id=workflow_id)


@router.get("/spells/{key}/versions/{version}/vulnerabilities")
async def get_vulnerabilities(
    identity: CasterDep, key: SpellKeyDep, version: VersionDep, services: ServicesDep
) -> VulnerabilityReport:
    """What is known of the version's components, what was found, and which clocks run."""
    return await services.vulnerabilities.report(identity.caller.account_id, key, version)


@router.get("/advisories/feed", response_class=Response, openapi_extra=_FEED)
async def get_feed(
    request: Request,
    services: ServicesDep,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> Response:
    """What was found on public spells, as a JSON Feed 1.1; readers send no key."""
    found = await services.vulnerabilities.feed(
        before=read_number_cursor(cursor), limit=limits.LIST_LIMIT_MAX + 1
    )
    page = found[: limits.LIST_LIMIT_MAX]
    more = number_cursor(page[-1].id) if len(found) > limits.LIST_LIMIT_MAX else None
    document = feed_document(str(request.base_url).rstrip("/"), page, more)
    headers = {"Cache-Control": "public, max-age=300"}
    return JSONResponse(document, headers=headers, media_type=FEED_MEDIA_TYPE)
