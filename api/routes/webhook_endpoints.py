"""Where an account's programs want to be told. See docs/webhooks.md."""

from typing import Annotated, Self

from fastapi import APIRouter, Request
from pydantic import AfterValidator, Field, model_validator

from api.bodies import body_schema, read_json
from api.deps import EndpointIdDep, OwnerDep, ServicesDep
from api.documents import MessageSent
from schema import limits
from schema.contracts.base import Contract
from schema.contracts.webhooks import EndpointChange, EndpointSettings, EndpointView, NewEndpoint
from schema.webhook_events import EVERYTHING, FILTERS, EventFilter
from schema.webhook_targets import URL_CHARS_MAX, webhook_url

router = APIRouter(prefix="/v1/webhook-endpoints", tags=["webhooks"])

Url = Annotated[str, Field(max_length=URL_CHARS_MAX), AfterValidator(webhook_url)]
Events = Annotated[list[EventFilter], Field(min_length=1, max_length=len(FILTERS))]
Description = Annotated[
    str,
    Field(max_length=limits.WEBHOOK_DESCRIPTION_CHARS_MAX, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$"),
]


class EndpointBody(Contract):
    """Body of `POST /v1/webhook-endpoints`."""

    url: Url
    events: Events = Field(default_factory=lambda: [EVERYTHING])
    """Events such as `cast.failed`, families such as `cast.*`, or `*`."""
    description: Description = ""


class EndpointChangeBody(Contract):
    """Body of `PATCH /v1/webhook-endpoints/{id}`: what is to be changed."""

    url: Url | None = None
    events: Events | None = None
    description: Description | None = None
    enabled: bool | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError("name something to change")
        return self


@router.post("", status_code=201, openapi_extra=body_schema(EndpointBody))
async def create_endpoint(
    request: Request, identity: OwnerDep, services: ServicesDep
) -> NewEndpoint:
    """Make an endpoint. Its secret checks `v1` signatures, and is shown this once."""
    body = await read_json(request, EndpointBody)
    settings = EndpointSettings(
        url=body.url, events=_each_once(body.events), description=body.description
    )
    return await services.endpoints.create(identity.caller.account_id, settings)


@router.get("")
async def list_endpoints(identity: OwnerDep, services: ServicesDep) -> list[EndpointView]:
    """The account's endpoints, the oldest first, without secrets."""
    return await services.endpoints.endpoints(identity.caller.account_id)


@router.get("/{endpoint_id}")
async def get_endpoint(
    identity: OwnerDep, endpoint_id: EndpointIdDep, services: ServicesDep
) -> EndpointView:
    """One endpoint, without its secret."""
    return await services.endpoints.endpoint(identity.caller.account_id, endpoint_id)


@router.patch("/{endpoint_id}", openapi_extra=body_schema(EndpointChangeBody))
async def change_endpoint(
    request: Request, identity: OwnerDep, endpoint_id: EndpointIdDep, services: ServicesDep
) -> EndpointView:
    """Change what is given; what is on its way goes to the new URL, too."""
    body = await read_json(request, EndpointChangeBody)
    change = EndpointChange(
        url=body.url,
        events=None if body.events is None else _each_once(body.events),
        description=body.description,
        enabled=body.enabled,
    )
    return await services.endpoints.change(identity.caller.account_id, endpoint_id, change)


@router.delete("/{endpoint_id}", status_code=204)
async def remove_endpoint(
    identity: OwnerDep, endpoint_id: EndpointIdDep, services: ServicesDep
) -> None:
    """Remove an endpoint; what is on its way there is dropped."""
    await services.endpoints.remove(identity.caller.account_id, endpoint_id)


@router.post("/{endpoint_id}:rotate")
async def rotate_secret(
    identity: OwnerDep, endpoint_id: EndpointIdDep, services: ServicesDep
) -> NewEndpoint:
    """Another secret, shown this once; for a day the one before signs as well."""
    return await services.endpoints.rotate(identity.caller.account_id, endpoint_id)


@router.post("/{endpoint_id}:test", status_code=202)
async def test_endpoint(
    identity: OwnerDep, endpoint_id: EndpointIdDep, services: ServicesDep
) -> MessageSent:
    """Send a `ping`; its delivery's log tells how that went."""
    message_id = await services.deliveries.test(identity.caller.account_id, endpoint_id)
    await services.webhooks.tell(message_id)
    return MessageSent(message_id=message_id)


def _each_once(events: list[str]) -> list[str]:
    return list(dict.fromkeys(events))
