"""Who may sign a maker's packages: list, allow, remove. Needs more than a key that publishes."""

from typing import Annotated, Self

from fastapi import APIRouter, Request
from pydantic import Field, model_validator

from api.bodies import body_schema, read_json
from api.deps import OwnerDep, ServicesDep, SigningIdentityIdDep
from schema.contracts.base import Contract
from schema.contracts.signing_identity import SigningIdentity
from schema.contracts.supply_chain import IdentityRule
from schema.ids import SpellKey
from schema.packaging.manifest_sections import HttpsUrl, Line, Repository, SignerRef

router = APIRouter(prefix="/v1/signing-identities", tags=["signing identities"])


class IdentityBody(Contract):
    """Body of `POST /v1/signing-identities`: as a manifest's `[supply_chain]` names a signer."""

    issuer: HttpsUrl
    identity: Line | None = None
    repository: Repository | None = None
    ref: SignerRef | None = None
    spell_key: Annotated[SpellKey | None, Field(description="null: every spell you make")] = None

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if not (self.identity or self.repository):
            raise ValueError("needs `identity` or `repository`: an issuer alone lets in everybody")
        return self

    def rule(self) -> IdentityRule:
        """The rule in it."""
        return IdentityRule.model_validate(self.model_dump(exclude={"spell_key"}))


@router.get("")
async def list_identities(identity: OwnerDep, services: ServicesDep) -> list[SigningIdentity]:
    """The account's rules on who may sign; those for every spell come first."""
    return await services.identities.summaries(identity.caller.account_id)


@router.post("", status_code=201, openapi_extra=body_schema(IdentityBody))
async def allow_identity(
    request: Request, identity: OwnerDep, services: ServicesDep
) -> SigningIdentity:
    """Let somebody sign your packages. It counts from the next publication on."""
    body = await read_json(request, IdentityBody)
    account_id = identity.caller.account_id
    return await services.identities.allow(account_id, body.spell_key, body.rule())


@router.delete("/{identity_id}", status_code=204)
async def remove_identity(
    identity: OwnerDep, identity_id: SigningIdentityIdDep, services: ServicesDep
) -> None:
    """Take a rule back; where no rule is left, the next signer is trusted on first use."""
    await services.identities.remove(identity.caller.account_id, identity_id)
