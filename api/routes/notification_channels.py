"""Where people are told things: by e-mail. Programs are told by webhook endpoints."""

import re
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from api.bodies import body_schema, read_json
from api.deps import OwnerDep, ServicesDep
from schema.contracts.base import Contract
from schema.contracts.notifications import ChannelKind, ChannelView, Destination
from schema.errors import SpellError

router = APIRouter(prefix="/v1/account/notification-channels", tags=["account"])

# One address, without a name and without quoting: what mail programs' users type.
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{1,63}"
)


class ChannelBody(Contract):
    """Body of `PUT /v1/account/notification-channels/{kind}`."""

    address: Annotated[str, Field(min_length=3, max_length=2048)]
    """An e-mail address."""


class SetChannel(Contract):
    """A channel that was set."""

    kind: ChannelKind
    address: str


@router.get("")
async def list_channels(identity: OwnerDep, services: ServicesDep) -> list[ChannelView]:
    """The account's channels."""
    return await services.channels.channels(identity.caller.account_id)


@router.put("/{kind}", openapi_extra=body_schema(ChannelBody))
async def set_channel(
    request: Request, kind: ChannelKind, identity: OwnerDep, services: ServicesDep
) -> SetChannel:
    """Set a channel, in place of the one of its kind."""
    body = await read_json(request, ChannelBody)
    _check_email(body.address)
    destination = Destination(kind=kind, address=body.address)
    await services.channels.set(identity.caller.account_id, destination)
    return SetChannel(kind=kind, address=body.address)


@router.delete("/{kind}", status_code=204)
async def remove_channel(kind: ChannelKind, identity: OwnerDep, services: ServicesDep) -> None:
    """Remove a channel; what is on its way through it is dropped."""
    await services.channels.remove(identity.caller.account_id, kind)


def _check_email(address: str) -> None:
    if _EMAIL.fullmatch(address) is None:
        raise _invalid("must be one e-mail address, such as you@example.com")


def _invalid(message: str) -> SpellError:
    errors = [{"path": "/address", "message": message}]
    return SpellError("VALIDATION_ERROR", details={"errors": errors})
