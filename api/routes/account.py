"""The account behind a key, and its keys."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import AfterValidator, AwareDatetime, Field

from api.bodies import body_schema, read_json
from api.deps import IdentityDep, KeyIdDep, OwnerDep, ServicesDep
from schema.contracts.account import ApiKeySummary, Caller
from schema.contracts.base import Contract
from schema.errors import SpellError
from schema.scopes import Scope

router = APIRouter(prefix="/v1", tags=["account"])


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is outside of the calendar in UTC") from error


class KeyBody(Contract):
    """Body of `POST /v1/keys`."""

    # Names are shown in terminals and kept in the database: no control characters.
    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\p{C}]+$")]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=16)]
    expires_at: Annotated[AwareDatetime, AfterValidator(_in_utc)] | None = None


class NewKey(Contract):
    """A fresh key. `key` is shown this once."""

    key: str
    summary: ApiKeySummary


@router.get("/users/me")
async def who_am_i(identity: IdentityDep) -> Caller:
    """The account and the scopes of the key that asks."""
    return identity.caller


@router.post("/keys", status_code=201, openapi_extra=body_schema(KeyBody))
async def create_key(request: Request, identity: OwnerDep, services: ServicesDep) -> NewKey:
    """Make an API key with some of the scopes of the key that asks."""
    body = await read_json(request, KeyBody)
    missing = [scope.value for scope in body.scopes if not identity.caller.may(scope)]
    if missing:
        raise SpellError(
            "FORBIDDEN", "A key can only pass on its own scopes.", details={"scope": missing[0]}
        )
    expires_at: datetime | None = body.expires_at
    summary, text = await services.accounts.create_key(
        identity.caller.account_id, body.name, body.scopes, expires_at
    )
    return NewKey(key=text, summary=summary)


@router.get("/keys")
async def list_keys(identity: OwnerDep, services: ServicesDep) -> list[ApiKeySummary]:
    """The account's keys: prefixes, scopes and dates, never the keys."""
    return await services.accounts.keys(identity.caller.account_id)


@router.delete("/keys/{key_id}", status_code=204)
async def revoke_key(identity: OwnerDep, key_id: KeyIdDep, services: ServicesDep) -> None:
    """End a key now."""
    await services.accounts.revoke_key(identity.caller.account_id, key_id)
