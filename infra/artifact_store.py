"""Artifacts in object storage, encrypted for their accounts. Fits the port `ArtifactStore`.

In pieces of one mebibyte, each encrypted by itself and knowing its place: whoever reads a large
artifact, however slowly, takes the memory of one piece.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator

from pydantic import TypeAdapter, ValidationError

from infra.artifact_types import content_type_of
from infra.blob_store import ObjectBlobStore
from infra.vault import ENCRYPTION_BYTES, PlatformVault
from schema import limits
from schema.artifact_names import OUTPUT_ARTIFACT
from schema.blob_keys import artifact_key
from schema.contracts.artifacts import ArtifactName, KeptArtifact, check_bounds
from schema.errors import SpellError
from schema.ids import account_of_cast, sha256_digest

_PIECE_BYTES = limits.ARTIFACT_PIECE_BYTES
_SEALED_PIECE_BYTES = hashlib.sha256().digest_size + _PIECE_BYTES + ENCRYPTION_BYTES
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
        sealed, digest = await asyncio.to_thread(self._seal, account_of_cast(cast_id), key, content)
        await self._blobs.put(key, sealed)
        return KeptArtifact(
            name=name,
            content_type=content_type or content_type_of(name),
            digest=digest,
            bytes=len(content),
            blob_key=key,
        )

    async def read(
        self, account_id: str, kept: KeptArtifact, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """The content in clear from one byte to before another, piece by piece.

        Only the pieces that hold these bytes are fetched. Of an empty content there is one, too, so
        that it can be missed.

        Raises:
            SpellError: ARTIFACT_EXPIRED, it is gone from object storage.
            ValueError: the pieces are another's, or not as they were written.
        """
        end = kept.bytes if end is None else end
        for number in range(start // _PIECE_BYTES, _pieces(end)):
            piece = await self._piece(account_id, kept.blob_key, number)
            first = number * _PIECE_BYTES
            yield piece[max(start - first, 0) : end - first]

    async def _piece(self, account_id: str, key: str, number: int) -> bytes:
        at = number * _SEALED_PIECE_BYTES
        sealed = await self._blobs.get_range(key, at, _SEALED_PIECE_BYTES)
        if sealed is None:
            raise SpellError("ARTIFACT_EXPIRED")
        place = _place(key, number)
        piece = self._vault.decrypt(account_id, sealed)
        if not piece.startswith(place):
            raise ValueError("a piece of an artifact is not in its place")
        return piece[len(place) :]

    def _seal(self, account_id: str, key: str, content: bytes) -> tuple[bytes, str]:
        pieces = (
            _place(key, number) + content[number * _PIECE_BYTES : (number + 1) * _PIECE_BYTES]
            for number in range(_pieces(len(content)))
        )
        sealed = b"".join(self._vault.encrypt(account_id, piece) for piece in pieces)
        return sealed, sha256_digest(content)


def _pieces(size: int) -> int:
    """How many pieces so many bytes make; nothing at all makes one, so that it can be missed."""
    return max(1, -(-size // _PIECE_BYTES))


def _place(key: str, number: int) -> bytes:
    """Which piece of which artifact it is: whoever has the storage cannot swap them."""
    return hashlib.sha256(f"{key} {number}".encode()).digest()


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
