"""Withdrawing trust, as messages: revocations, and what they did (product.md 5, decision 9)."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, TypeAdapter, model_validator

from schema.contracts.base import Contract
from schema.ids import Digest, SpellKey

OneLine = Annotated[
    str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f]+$")
]
"""A name of somebody else's making: an identity, an issuer."""
Because = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^[^\x00]+$")]
"""Why an operator did it, for makers and casters to read."""


class RevocationKind(StrEnum):
    """What is not to be trusted any more."""

    DIGEST = "digest"
    """One package, or every package with one module."""
    IDENTITY = "identity"
    """Whoever signs by a name, as the certificate has it: everything that name has signed."""
    KEY = "key"
    """One signing key, by the digest of its SubjectPublicKeyInfo."""
    SPELL = "spell"
    """Every version of one spell."""


_FORMS: dict[RevocationKind, TypeAdapter[str]] = {
    RevocationKind.DIGEST: TypeAdapter(Digest),
    RevocationKind.KEY: TypeAdapter(Digest),
    RevocationKind.SPELL: TypeAdapter(SpellKey),
    RevocationKind.IDENTITY: TypeAdapter(OneLine),
}


class Trusted(Contract):
    """One thing that versions rest on, and that can be revoked."""

    kind: RevocationKind
    value: OneLine
    issuer: Annotated[str, Field(max_length=512)] = ""
    """Of an identity, who vouches for it; empty for the identity by any issuer."""

    @model_validator(mode="after")
    def _check_form(self) -> Self:
        _FORMS[self.kind].validate_python(self.value)
        if self.issuer and self.kind is not RevocationKind.IDENTITY:
            raise ValueError("only an identity has an issuer")
        return self


class Revocation(Contract):
    """An operator's word that one thing is not to be trusted any more, or is again."""

    trusted: Trusted
    reason: Because
    by: str
    """The account that says so."""
    lift: bool = False
    """Take an earlier revocation back."""


class RecordedRevocation(Contract):
    """A revocation as it stands in the record; what the later steps go by."""

    id: int
    trusted: Trusted
    in_force: bool


class StopCastsOrder(Contract):
    """Argument of one look at the casts that a revocation is to stop."""

    revocation: RecordedRevocation


class Sweep(Contract):
    """What the looks at the open casts have found by now."""

    stopped: int
    """Casts that this revocation has ended, each once, over all looks."""
    left: int
    """Casts that have been told to end and have not yet."""


class RevocationResult(Contract):
    """What a revocation did, or its lifting."""

    id: int
    in_force: bool
    packages: int
    """Package and module digests that runners were told about."""
    casts_stopped: int = 0


class RevocationView(Contract):
    """One revocation, as operators see it."""

    id: int
    kind: RevocationKind
    value: str
    issuer: str
    reason: str
    revoked_by: str
    revoked_at: datetime
    lifted_by: str | None = None
    lifted_at: datetime | None = None


class RevokedBy(Contract):
    """Why a version may not be cast, for whoever would cast it: not who decided so."""

    revocation: int
    kind: RevocationKind
    reason: str
