"""List, read and yank spells."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.cursors import read_spell_cursor, spell_cursor
from api.deps import CasterDep, MakerDep, ServicesDep, SpellKeyDep, VersionDep
from api.documents import SpellPage
from schema import limits
from schema.contracts.aftercare import VersionRef
from schema.contracts.views import VersionView
from schema.errors import SpellError

router = APIRouter(prefix="/v1", tags=["spells"])


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
    """The version that `latest` leads to: price, limits, schemas, verdict."""
    versions = await services.spells.versions(identity.caller.account_id, key)
    castable = [each for each in versions if each.state == "published" and "-" not in each.version]
    if not castable:
        raise SpellError("SPELL_NOT_FOUND", details={"spell": key})
    return castable[0]


@router.get("/spells/{key}/versions")
async def list_versions(
    identity: CasterDep, key: SpellKeyDep, services: ServicesDep
) -> list[VersionView]:
    """All versions of a spell, highest first, yanked ones included."""
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
    await services.aftercare.wake(VersionRef(spell_key=key, version=version))


@router.post("/spells/{key}/versions/{version}:unyank", status_code=204)
async def unyank_version(
    identity: MakerDep, key: SpellKeyDep, version: VersionDep, services: ServicesDep
) -> None:
    """Bring a yanked own version back."""
    await services.spells.set_state(identity.caller.account_id, key, version, "published")
