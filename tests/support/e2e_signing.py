"""Signatures of the whole platform's own Sigstore, for packages that tests publish."""

import asyncio
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from sigstore.models import ClientTrustConfig

from infra.embedded.own_processes import PlatformContext
from infra.embedded.sigstore_server import client_config_file
from infra.supply_chain.signatures.signing import Release, Signed, local_config, sign
from infra.supply_chain.signatures.signing_in import local_token
from schema.ids import sha256_digest
from tests.support.signing import MAKER


class PlatformSigning:
    """Signs over HTTP, as makers do; what it needs to know is read once.

    Args:
        context: of a started platform that has a Sigstore of its own.
    """

    def __init__(self, context: PlatformContext) -> None:
        self._url = context.endpoints.sigstore_url
        self._secret = context.credentials.sigstore_token_secret
        self.config_file: Path = client_config_file(context.layout)

    @cached_property
    def config(self) -> ClientTrustConfig:
        return local_config(self.config_file)

    def token(self, identity: Mapping[str, Any] = MAKER.model_dump()) -> str:
        """An identity token for anybody."""
        return local_token(self._url, self._secret, identity)

    async def sign(
        self,
        archive: bytes,
        identity: Mapping[str, Any] = MAKER.model_dump(),
        release: Release | None = None,
    ) -> Signed:
        """The signature over an archive.

        Args:
            archive: a package.
            identity: who signs: `{"email": …}`, or the members of a `Workflow`.
            release: sign a statement instead of the digest.
        """

        def at_once() -> Signed:
            digest = sha256_digest(archive)
            return sign(self.config, self.token(identity), digest, release=release)

        return await asyncio.to_thread(at_once)
