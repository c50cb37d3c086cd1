"""The secrets of a spell, for its maker: set, list, remove. A value never comes back."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import AfterValidator, Field, SecretStr

from api.bodies import body_schema, read_json
from api.deps import MakerDep, SecretNameDep, ServicesDep, SpellKeyDep
from schema.contracts.base import Contract
from schema.contracts.spell_secret import SecretSummary
from schema.limits import SECRET_BYTES_MAX

router = APIRouter(prefix="/v1/spells/{key}/secrets", tags=["secrets"])


def _fits(secret: SecretStr) -> SecretStr:
    """A value that can be an environment variable. Messages do not quote it."""
    text = secret.get_secret_value()
    if len(text.encode("utf-8")) > SECRET_BYTES_MAX:
        raise ValueError(f"must have at most {SECRET_BYTES_MAX} bytes in UTF-8")
    if "\0" in text:
        raise ValueError("must not hold U+0000, which ends an environment variable")
    return secret


class SecretBody(Contract):
    """Body of `PUT /v1/spells/{key}/secrets/{name}`."""

    value: Annotated[
        SecretStr,
        Field(min_length=1, description=f"text of at most {SECRET_BYTES_MAX} bytes"),
        AfterValidator(_fits),
    ]


@router.put("/{name}", openapi_extra=body_schema(SecretBody))
async def set_secret(
    request: Request,
    identity: MakerDep,
    key: SpellKeyDep,
    name: SecretNameDep,
    services: ServicesDep,
) -> SecretSummary:
    """Set a secret of an own, published spell. It counts from the next cast on."""
    body = await read_json(request, SecretBody)
    value = body.value.get_secret_value()
    return await services.secrets.set(identity.caller.account_id, key, name, value)


@router.get("")
async def list_secrets(
    identity: MakerDep, key: SpellKeyDep, services: ServicesDep
) -> list[SecretSummary]:
    """The secrets of an own spell: names and times, never values."""
    return await services.secrets.summaries(identity.caller.account_id, key)


@router.delete("/{name}", status_code=204)
async def remove_secret(
    identity: MakerDep, key: SpellKeyDep, name: SecretNameDep, services: ServicesDep
) -> None:
    """Remove a secret. Casts of versions that name it are refused until it is set again."""
    await services.secrets.remove(identity.caller.account_id, key, name)
