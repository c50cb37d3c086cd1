"""Anchors of seals: signed roots with their leaf hashes, in object storage."""

from typing import Protocol

from pydantic import ValidationError

from schema.blob_keys import ledger_anchor_key
from schema.contracts.ledger import SealAnchor


class Blobs(Protocol):
    """Bytes under a key."""

    async def put(self, key: str, content: bytes) -> None:
        """Store the bytes."""

    async def get(self, key: str) -> bytes | None:
        """The bytes, or None."""


class AnchorUnreadableError(ValueError):
    """What is kept under an anchor's key is none."""


class LedgerAnchors:
    """What is kept of seals outside the database. One that is there is never written again."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def find(self, number: int) -> SealAnchor | None:
        """The anchor of this seal, or None. Raises AnchorUnreadableError."""
        content = await self._blobs.get(ledger_anchor_key(number))
        if content is None:
            return None
        try:
            return SealAnchor.model_validate_json(content)
        except ValidationError as error:
            raise AnchorUnreadableError(f"the anchor of seal {number} cannot be read") from error

    async def has(self, number: int) -> bool:
        """Whether anything is kept under the key of this seal."""
        return await self._blobs.get(ledger_anchor_key(number)) is not None

    async def keep(self, anchor: SealAnchor) -> None:
        """Keep an anchor."""
        content = anchor.model_dump_json().encode("utf-8")
        await self._blobs.put(ledger_anchor_key(anchor.signed.seal.number), content)
