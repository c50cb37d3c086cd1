"""Names of versions, and a caster's consent to what a name leads to."""

from fastapi import APIRouter, Request

from api.bodies import body_schema, read_json
from api.deps import AliasDep, CasterDep, MakerDep, ServicesDep, SpellKeyDep
from api.documents import VersionBody
from schema.errors import SpellError
from schema.ids import LATEST

router = APIRouter(prefix="/v1", tags=["spells"])


@router.get("/spells/{key}/aliases")
async def list_aliases(
    identity: CasterDep, key: SpellKeyDep, services: ServicesDep
) -> dict[str, str]:
    """Versions by alias. `latest` is the highest published release; the maker sets the others."""
    return await services.aliases.aliases(identity.caller.account_id, key)


@router.put(
    "/spells/{key}/aliases/{alias}", status_code=204, openapi_extra=body_schema(VersionBody)
)
async def set_alias(
    request: Request, identity: MakerDep, key: SpellKeyDep, alias: AliasDep, services: ServicesDep
) -> None:
    """Name a version of an own spell. It leads casters to nothing wider without their consent."""
    if alias == LATEST:
        message = "`latest` is the highest published release, and is not set."
        raise SpellError("VALIDATION_ERROR", message)
    body = await read_json(request, VersionBody)
    await services.aliases.set_alias(identity.caller.account_id, key, alias, body.version)


@router.delete("/spells/{key}/aliases/{alias}", status_code=204)
async def remove_alias(
    identity: MakerDep, key: SpellKeyDep, alias: AliasDep, services: ServicesDep
) -> None:
    """Take a name of an own spell's version back."""
    await services.aliases.remove_alias(identity.caller.account_id, key, alias)


@router.post("/spells/{key}:consent", status_code=204, openapi_extra=body_schema(VersionBody))
async def consent(
    request: Request, identity: CasterDep, key: SpellKeyDep, services: ServicesDep
) -> None:
    """Agree to what a version may do and costs, so that aliases may lead to it."""
    body = await read_json(request, VersionBody)
    await services.aliases.consent(identity.caller.account_id, key, body.version)
