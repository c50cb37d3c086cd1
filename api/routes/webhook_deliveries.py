"""What was sent to an account's webhooks and how that went; replaying it. See docs/webhooks.md."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from api.bodies import body_schema, read_json
from api.cursors import delivery_cursor, read_notification_cursor
from api.deps import CasterDep, EndpointIdDep, MessageIdDep, OwnerDep, ServicesDep
from api.documents import DeliveryPage, MessageSent
from api.routes.casts import own_cast
from schema import limits
from schema.contracts.base import Contract
from schema.contracts.notifications import DeliveryState
from schema.contracts.webhooks import CALLBACK, CallbackSecret, DeliveryLog
from schema.ids import cast_message_id

router = APIRouter(prefix="/v1", tags=["webhooks"])
_DELIVERIES = "/webhook-endpoints/{endpoint_id}/deliveries"


class ReplayBody(Contract):
    """Body of `POST /v1/webhook-endpoints/{id}/deliveries:replay`."""

    since: AwareDatetime
    """All dead letters from then on."""


class Replayed(Contract):
    """How many dead letters are on their way again."""

    replayed: int


@router.get(_DELIVERIES)
async def list_deliveries(
    identity: OwnerDep,
    endpoint_id: EndpointIdDep,
    services: ServicesDep,
    state: DeliveryState | None = None,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
    limit: Annotated[int, Query(ge=1, le=limits.LIST_LIMIT_MAX)] = 20,
) -> DeliveryPage:
    """What was sent to an endpoint in the last thirty days, the newest first."""
    account_id = identity.caller.account_id
    await services.endpoints.endpoint(account_id, endpoint_id)
    before = read_notification_cursor(cursor)
    found = await services.deliveries.deliveries(
        account_id, endpoint_id, state=state, before=before, limit=limit + 1
    )
    page = found[:limit]
    more = delivery_cursor(page[-1]) if len(found) > limit else None
    return DeliveryPage(items=page, next_cursor=more)


@router.get(_DELIVERIES + "/{message_id}")
async def get_delivery(
    identity: OwnerDep, endpoint_id: EndpointIdDep, message_id: MessageIdDep, services: ServicesDep
) -> DeliveryLog:
    """One delivery: what is sent, and every attempt."""
    return await services.deliveries.log(identity.caller.account_id, endpoint_id, message_id)


@router.post(_DELIVERIES + "/{message_id}:replay", status_code=202)
async def replay_delivery(
    identity: OwnerDep, endpoint_id: EndpointIdDep, message_id: MessageIdDep, services: ServicesDep
) -> MessageSent:
    """Send a message again under its own id, whether it was taken or not."""
    await services.deliveries.replay(identity.caller.account_id, endpoint_id, message_id)
    await services.webhooks.tell(message_id)
    return MessageSent(message_id=message_id)


@router.post(_DELIVERIES + ":replay", status_code=202, openapi_extra=body_schema(ReplayBody))
async def replay_dead_letters(
    request: Request, identity: OwnerDep, endpoint_id: EndpointIdDep, services: ServicesDep
) -> Replayed:
    """Send again all dead letters since a time; they set off within a minute."""
    account_id = identity.caller.account_id
    body = await read_json(request, ReplayBody)
    await services.endpoints.endpoint(account_id, endpoint_id)
    count = await services.deliveries.replay_dead(account_id, endpoint_id, body.since)
    return Replayed(replayed=count)


@router.get("/casts/{cast_id}/callback")
async def get_callback(cast_id: str, identity: CasterDep, services: ServicesDep) -> DeliveryLog:
    """How the callback of an ended cast went: what is sent, and every attempt."""
    await own_cast(services, identity, cast_id)
    message_id = cast_message_id(cast_id)
    return await services.deliveries.log(identity.caller.account_id, CALLBACK, message_id)


@router.post("/casts/{cast_id}/callback:replay", status_code=202)
async def replay_callback(cast_id: str, identity: CasterDep, services: ServicesDep) -> MessageSent:
    """Send the callback of an ended cast again."""
    await own_cast(services, identity, cast_id)
    message_id = cast_message_id(cast_id)
    await services.deliveries.replay(identity.caller.account_id, CALLBACK, message_id)
    await services.webhooks.tell(message_id)
    return MessageSent(message_id=message_id)


@router.get("/account/callback-secret")
async def get_callback_secret(identity: OwnerDep, services: ServicesDep) -> CallbackSecret:
    """What signs the callbacks of this account's casts."""
    return await services.callbacks.secret(identity.caller.account_id)


@router.post("/account/callback-secret:rotate")
async def rotate_callback_secret(identity: OwnerDep, services: ServicesDep) -> CallbackSecret:
    """Another secret; for a day the one before signs as well."""
    return await services.callbacks.rotate(identity.caller.account_id)
