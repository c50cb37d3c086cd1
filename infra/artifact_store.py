"""Artifacts in object storage, encrypted for their accounts. Fits the port `ArtifactStore`."""

import asyncio

from pydantic import TypeAdapter, ValidationError

from infra.artifact_types import content_type_of
from infra.blob_store import ObjectBlobStore
from infra.vault import PlatformVault
from schema.blob_keys import artifact_key
from schema.contracts.artifacts import OUTPUT_ARTIFACT, ArtifactName, KeptArtifact, check_bounds
from schema.errors import SpellError
from schema.ids import account_of_cast, sha256_digest

_NAME: TypeAdapter[str] = TypeAdapter(ArtifactName)


class EncryptedArtifactStore:
    """Keeps what casts leave besides their output; reads it again for whoever may."""

    def __init__(self, blobs: ObjectBlobStore, vault: PlatformVault) -> None:
        self._blobs = blobs
        self._vault = vault

    async def keep(
        self, cast_id: str, name: str, content: bytes, content_type: str | None = None
    ) -> KeptArtifact:
        """Keep one; the same cast and name again replaces it.

        Raises:
            SpellError: OUTPUT_TOO_LARGE; OUTPUT_INVALID, a name that is none, or the output's.
        """
        _check_name(name)
        check_bounds([len(content)])
        key = artifact_key(cast_id, name)
        # 64 MiB take a tenth of a second to encrypt: others are served meanwhile.
        sealed, digest = await asyncio.to_thread(self._seal, account_of_cast(cast_id), content)
        await self._blobs.put(key, sealed)
        return KeptArtifact(
            name=name,
            content_type=content_type or content_type_of(name),
            digest=digest,
            bytes=len(content),
            blob_key=key,
        )

    async def read(self, account_id: str, blob_key: str) -> bytes | None:
        """The content in clear; None when it is gone from object storage."""
        sealed = await self._blobs.get(blob_key)
        if sealed is None:
            return None
        return await asyncio.to_thread(self._vault.decrypt, account_id, sealed)

    def _seal(self, account_id: str, content: bytes) -> tuple[bytes, str]:
        return self._vault.encrypt(account_id, content), sha256_digest(content)


def _check_name(name: str) -> None:
    try:
        _NAME.validate_python(name)
    except ValidationError:
        problem = "has a name that artifacts cannot have"
    else:
        if name != OUTPUT_ARTIFACT:
            return
        problem = "is called as the output is"
    raise SpellError("OUTPUT_INVALID", f"An artifact {problem}.", details={"artifact": name[:200]})
