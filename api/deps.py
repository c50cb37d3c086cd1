"""What handlers ask for: the caller, a scope, the services that `api.main` built."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.ports import (
    Accounts,
    Casting,
    CastFiles,
    CastReads,
    EventFeed,
    Health,
    PayloadDecoder,
    Publishing,
    Spells,
)
from schema.contracts.account import Caller
from schema.errors import SpellError
from schema.scopes import Scope


@dataclass(frozen=True)
class Services:
    """Everything that routes call."""

    accounts: Accounts
    spells: Spells
    publishing: Publishing
    casting: Casting
    casts: CastReads
    files: CastFiles
    feed: EventFeed
    health: Health
    decoder: PayloadDecoder
    codec_origin: str | None
    """The Temporal UI's origin, where the local platform lets it decode without a key."""


@dataclass(frozen=True)
class Identity:
    """The caller, and the secret that their cast ids derive from."""

    caller: Caller
    cast_secret: bytes


def get_services(request: Request) -> Services:
    """The services of this app."""
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(get_services)]
_bearer = HTTPBearer(auto_error=False, description="An API key: `sk_…`")


async def get_identity(
    services: ServicesDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Identity:
    """The caller behind the bearer key. Raises SpellError(UNAUTHORIZED)."""
    if credentials is None:
        raise SpellError("UNAUTHORIZED")
    found = await services.accounts.authenticate(credentials.credentials)
    if found is None:
        raise SpellError("UNAUTHORIZED")
    return Identity(*found)


IdentityDep = Annotated[Identity, Depends(get_identity)]


class Require:
    """Dependency: a caller whose key carries the scope. Raises SpellError(FORBIDDEN)."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __call__(self, identity: IdentityDep) -> Identity:
        """The identity, once its scope is checked."""
        if not identity.caller.may(self._scope):
            raise SpellError("FORBIDDEN", details={"scope": self._scope.value})
        return identity


CasterDep = Annotated[Identity, Depends(Require(Scope.CAST))]
MakerDep = Annotated[Identity, Depends(Require(Scope.PUBLISH))]
OwnerDep = Annotated[Identity, Depends(Require(Scope.ACCOUNT))]
