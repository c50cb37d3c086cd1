"""Suspend whole spells, and see what their casts tried and were not allowed."""

from fastapi import APIRouter, Request

from api.bodies import body_schema, read_json
from api.deps import MakerOrOperatorDep, OperatorDep, ServicesDep, SpellKeyDep
from schema.contracts.base import Contract
from schema.contracts.revocation import Because
from schema.contracts.suspension import ViolationCounts
from schema.scopes import Scope

router = APIRouter(prefix="/v1/spells/{key}", tags=["suspensions"])


class SuspensionBody(Contract):
    """Body of `POST /v1/spells/{key}:suspend`."""

    reason: Because


@router.post(":suspend", status_code=204, openapi_extra=body_schema(SuspensionBody))
async def suspend_spell(
    request: Request, identity: OperatorDep, key: SpellKeyDep, services: ServicesDep
) -> None:
    """Suspend a spell: running casts end as they run, new ones get 403."""
    body = await read_json(request, SuspensionBody)
    await services.suspensions.suspend(key, reason=body.reason, by=identity.caller.account_id)


@router.post(":unsuspend", status_code=204)
async def unsuspend_spell(identity: OperatorDep, key: SpellKeyDep, services: ServicesDep) -> None:
    """Let a spell be cast again; its violations are counted anew from here on."""
    await services.suspensions.unsuspend(key, by=identity.caller.account_id)


@router.get("/violations")
async def get_violations(
    identity: MakerOrOperatorDep, key: SpellKeyDep, services: ServicesDep
) -> ViolationCounts:
    """What the casts of an own spell tried and were not allowed; operators see every spell's."""
    caller = identity.caller
    only_of = None if caller.may(Scope.DEPLOY) else caller.account_id
    return await services.suspensions.violations(key, only_of=only_of)
