"""Modes of an account: what it may publish and cast, and what it lets its own casts take."""

from fastapi import APIRouter, Request

from api.bodies import body_schema, read_json
from api.deps import OwnerDep, ServicesDep
from schema.contracts.modes import AccountModes, ModesBody

router = APIRouter(prefix="/v1/account/modes", tags=["account"])


@router.get("")
async def get_modes(identity: OwnerDep, services: ServicesDep) -> AccountModes:
    """What this account may publish and cast, mode by mode, and what is in the way."""
    return await services.modes.modes(identity.caller.account_id)


@router.put("", openapi_extra=body_schema(ModesBody))
async def restrict_modes(
    request: Request, identity: OwnerDep, services: ServicesDep
) -> AccountModes:
    """Let this account's casts take these modes only; casts that run already go on."""
    body = await read_json(request, ModesBody)
    account_id = identity.caller.account_id
    await services.modes.restrict(account_id, body.modes)
    return await services.modes.modes(account_id)


@router.delete("", status_code=204)
async def lift_restriction(identity: OwnerDep, services: ServicesDep) -> None:
    """Let this account's casts take whatever the installation allows. Harmless to repeat."""
    await services.modes.lift(identity.caller.account_id)
