"""Builders of what is revoked, and a bucket in memory."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from infra.repositories.revocations import PostgresRevocations
from schema.contracts.publish import InspectedPackage
from schema.contracts.revocation import Revocation, RevocationKind, Trusted
from schema.contracts.supply_chain import Signer
from tests.support.builders import Person

# Of this test run: what one revokes must not reach what another published.
IDENTITY = f"maker-{secrets.token_hex(4)}@example.com"
KEY_DIGEST = "sha256:" + hashlib.sha256(IDENTITY.encode()).hexdigest()


def signed(identity: str = IDENTITY, key_digest: str = KEY_DIGEST) -> Signer:
    return Signer(
        identity=identity,
        issuer="https://oidc.spell.localhost",
        signed_at=datetime(2026, 1, 1, tzinfo=UTC),
        key_digest=key_digest,
    )


def revoked_by(
    package: InspectedPackage, operator: Person, kind: RevocationKind | str
) -> Revocation:
    """A revocation that the package falls under."""
    values = {
        RevocationKind.DIGEST: package.package_digest,
        RevocationKind.IDENTITY: IDENTITY,
        RevocationKind.KEY: KEY_DIGEST,
        RevocationKind.SPELL: package.spell_key,
    }
    kind = RevocationKind(kind)
    return Revocation(
        trusted=Trusted(kind=kind, value=values[kind]),
        reason="it mines coins",
        by=operator.account_id,
    )


class MemoryRevokedDigests:
    """Port RevokedDigests, in memory."""

    def __init__(self, record: PostgresRevocations) -> None:
        self._record = record
        self.digests: set[str] = set()

    async def tell(self, digests: Sequence[str]) -> None:
        revoked = await self._record.revoked_among(digests)
        self.digests = (self.digests - set(digests)) | revoked
