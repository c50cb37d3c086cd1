"""The local Sigstore as a process, without the rest of the platform."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy

from cli.client import DATA_FOLDER, LocalSigning, Profile
from infra.embedded.platform import EmbeddedPlatform
from infra.embedded.sigstore.tokens import ISSUER
from infra.supply_chain.signatures.signing import Signed
from tests.support.e2e_signing import PlatformSigning
from tests.support.signing import MAKER

ARCHIVE = b"the bytes of a package"
DIGEST = f"sha256:{hashlib.sha256(ARCHIVE).hexdigest()}"
# With these set only the Sigstore is started.
ONLY_SIGSTORE = {
    "SPELL_DATABASE_URL": "postgresql://elsewhere/spell",
    "SPELL_TEMPORAL_ADDRESS": "elsewhere:7233",
    "SPELL_NATS_URL": "nats://elsewhere",
    "SPELL_RUNNER_NATS_URL": "nats://elsewhere",
    "SPELL_REDIS_URL": "redis://elsewhere",
    "SPELL_GITHUB_API_URL": "https://elsewhere",
    "SPELL_STRIPE_URL": "https://elsewhere",
}
BY_MAKER = policy.AllOf(
    [policy.Identity(identity=MAKER.email, issuer=ISSUER), policy.OIDCIssuerV2(ISSUER)]
)


class Place(PlatformSigning):
    """The started Sigstore, and signing there as a maker does."""

    def __init__(self, platform: EmbeddedPlatform) -> None:
        super().__init__(platform.context)
        self.platform = platform
        self.url = platform.endpoints.sigstore_url
        self.secret = platform.context.credentials.sigstore_token_secret
        self.folder = platform.context.layout.sigstore
        self.trusted_root = Path(platform.endpoints.trust_root_file)

    def verifier(self) -> Verifier:
        return Verifier(trusted_root=TrustedRoot.from_file(str(self.trusted_root)))

    def verify(self, signed: Signed, by: Any = BY_MAKER, archive: bytes = ARCHIVE) -> None:
        self.verifier().verify_artifact(archive, Bundle.from_json(signed.bundle), by)

    def leave_profile(self, folder: Path) -> None:
        """What `spell dev` would leave in this folder for later commands."""
        signing = LocalSigning(self.url, self.secret, str(self.config_file))
        (folder / DATA_FOLDER).mkdir()
        Profile("http://127.0.0.1:9", "no key", signing).save(folder / DATA_FOLDER)

    def get(self, path: str) -> Any:
        return httpx.get(f"{self.url}{path}").raise_for_status().json()


@asynccontextmanager
async def running_sigstore() -> AsyncIterator[Place]:
    """A Sigstore in a new folder, and nothing else."""
    with TemporaryDirectory() as folder:
        platform = EmbeddedPlatform(Path(folder), external=ONLY_SIGSTORE, usual_ports=False)
        async with platform:
            yield Place(platform)
