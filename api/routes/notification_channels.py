"""Where an account is told things: by e-mail, by a signed webhook. See docs/aftercare.md."""

import re
import secrets
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from api.bodies import body_schema, read_json
from api.deps import OwnerDep, ServicesDep
from schema.contracts.base import Contract
from schema.contracts.notifications import ChannelKind, ChannelView, Destination
from schema.errors import SpellError
from schema.webhook_targets import SECRET_BYTES, webhook_secret, webhook_target

router = APIRouter(prefix="/v1/account/notification-channels", tags=["account"])

# One address, without a name and without quoting: what mail programs' users type.
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{1,63}"
)


class ChannelBody(Contract):
    """Body of `PUT /v1/account/notification-channels/{kind}`."""

    address: Annotated[str, Field(min_length=3, max_length=2048)]
    """An e-mail address, or an https URL."""


class SetChannel(Contract):
    """A channel that was set. `secret` checks a webhook's signatures, and is shown this once."""

    kind: ChannelKind
    address: str
    secret: str | None = None


@router.get("")
async def list_channels(identity: OwnerDep, services: ServicesDep) -> list[ChannelView]:
    """The account's channels, without secrets."""
    return await services.channels.channels(identity.caller.account_id)


@router.put("/{kind}", openapi_extra=body_schema(ChannelBody))
async def set_channel(
    request: Request, kind: ChannelKind, identity: OwnerDep, services: ServicesDep
) -> SetChannel:
    """Set a channel, in place of the one of its kind. A webhook gets a new secret each time."""
    body = await read_json(request, ChannelBody)
    secret = ""
    if kind is ChannelKind.EMAIL:
        _check_email(body.address)
    else:
        _check_url(body.address)
        secret = webhook_secret(secrets.token_bytes(SECRET_BYTES))
    destination = Destination(kind=kind, address=body.address, secret=secret)
    await services.channels.set(identity.caller.account_id, destination)
    return SetChannel(kind=kind, address=body.address, secret=secret or None)


@router.delete("/{kind}", status_code=204)
async def remove_channel(kind: ChannelKind, identity: OwnerDep, services: ServicesDep) -> None:
    """Remove a channel; what is on its way through it is dropped."""
    await services.channels.remove(identity.caller.account_id, kind)


def _check_email(address: str) -> None:
    if _EMAIL.fullmatch(address) is None:
        raise _invalid("must be one e-mail address, such as you@example.com")


def _check_url(url: str) -> None:
    try:
        webhook_target(url)
    except ValueError as error:
        raise _invalid(str(error)) from error


def _invalid(message: str) -> SpellError:
    errors = [{"path": "/address", "message": message}]
    return SpellError("VALIDATION_ERROR", details={"errors": errors})
