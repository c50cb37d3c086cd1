"""Publish, list, read and yank spells."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from api.bodies import read_body
from api.cursors import read_spell_cursor, spell_cursor
from api.deps import CasterDep, MakerDep, ServicesDep, SpellKeyDep, VersionDep
from api.documents import SpellPage
from schema import limits
from schema.contracts.publish import PublishInput, PublishResult
from schema.contracts.views import VersionView
from schema.errors import SpellError
from schema.ids import sha256_digest

router = APIRouter(prefix="/v1", tags=["spells"])

PACKAGE_MEDIA_TYPE = "application/x-tar"
_UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {PACKAGE_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post("/spells", status_code=201, response_model=PublishResult, openapi_extra=_UPLOAD)
async def publish_spell(request: Request, identity: MakerDep, services: ServicesDep) -> Response:
    """Publish a package (a canonical tar). The same one again answers 200 and changes nothing."""
    archive = await read_body(
        request, limit_bytes=limits.PACKAGE_BYTES_MAX, media_type=PACKAGE_MEDIA_TYPE
    )
    upload = PublishInput(
        account_id=identity.caller.account_id,
        package_digest=sha256_digest(archive),
        package_bytes=len(archive),
    )
    result = await services.publishing.publish(upload, archive)
    if result.problem is not None:
        raise result.problem.to_error()
    headers = {"Location": f"/v1/spells/{result.spell_key}/versions/{result.version}"}
    status = 201 if result.created else 200
    return JSONResponse(result.model_dump(mode="json"), status, headers)


@router.get("/spells")
async def list_spells(
    identity: CasterDep,
    services: ServicesDep,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
    limit: Annotated[int, Query(ge=1, le=limits.LIST_LIMIT_MAX)] = 20,
) -> SpellPage:
    """Spells that you may cast, in the order of their keys."""
    found = await services.spells.summaries(
        identity.caller.account_id, after=read_spell_cursor(cursor), limit=limit + 1
    )
    page = found[:limit]
    more = spell_cursor(page[-1].key) if len(found) > limit else None
    return SpellPage(items=page, next_cursor=more)


@router.get("/spells/{key}")
async def get_spell(identity: CasterDep, key: SpellKeyDep, services: ServicesDep) -> VersionView:
    """The newest version that can be cast: price, limits, schemas, verdict."""
    versions = await services.spells.versions(identity.caller.account_id, key)
    castable = [version for version in versions if version.state == "published"]
    if not castable:
        raise SpellError("SPELL_NOT_FOUND", details={"spell": key})
    return castable[0]


@router.get("/spells/{key}/versions")
async def list_versions(
    identity: CasterDep, key: SpellKeyDep, services: ServicesDep
) -> list[VersionView]:
    """All versions of a spell, newest first, yanked ones included."""
    versions = await services.spells.versions(identity.caller.account_id, key)
    if not versions:
        raise SpellError("SPELL_NOT_FOUND", details={"spell": key})
    return versions


@router.get("/spells/{key}/versions/{version}")
async def get_version(
    identity: CasterDep, key: SpellKeyDep, version: VersionDep, services: ServicesDep
) -> VersionView:
    """One version of a spell."""
    versions = await services.spells.versions(identity.caller.account_id, key, version)
    if not versions:
        raise SpellError("SPELL_NOT_FOUND", details={"spell": key, "version": version})
    return versions[0]


@router.get("/spells/{key}/versions/{version}/module", response_class=Response)
async def get_module(
    identity: MakerDep, key: SpellKeyDep, version: VersionDep, services: ServicesDep
) -> Response:
    """The module of an own version, as it was published."""
    module = await services.modules.own_module(identity.caller.account_id, key, version)
    if module is None:
        raise SpellError("SPELL_NOT_FOUND", details={"spell": key, "version": version})
    return Response(module, media_type="application/wasm")


@router.post("/spells/{key}/versions/{version}:yank", status_code=204)
async def yank_version(
    identity: MakerDep, key: SpellKeyDep, version: VersionDep, services: ServicesDep
) -> None:
    """Withdraw an own version: running casts end as they run, new ones get 410."""
    await services.spells.set_state(identity.caller.account_id, key, version, "yanked")


@router.post("/spells/{key}/versions/{version}:unyank", status_code=204)
async def unyank_version(
    identity: MakerDep, key: SpellKeyDep, version: VersionDep, services: ServicesDep
) -> None:
    """Bring a yanked own version back."""
    await services.spells.set_state(identity.caller.account_id, key, version, "published")
