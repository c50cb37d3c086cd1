"""Output and error stream of casts, decrypted for their account. Fits the API's `CastFiles`."""

from infra.blob_store import ObjectBlobStore
from infra.vault import PlatformVault
from schema.blob_keys import error_stream_key, output_key


class EncryptedCastFiles:
    """Reads what the activities stored."""

    def __init__(self, blobs: ObjectBlobStore, vault: PlatformVault) -> None:
        self._blobs = blobs
        self._vault = vault

    async def output(self, account_id: str, cast_id: str) -> bytes | None:
        """The output JSON, or None when there is none (any more)."""
        return await self._read(account_id, output_key(cast_id))

    async def error_stream(self, account_id: str, cast_id: str) -> bytes | None:
        """The error stream, or None when there is none (any more)."""
        return await self._read(account_id, error_stream_key(cast_id))

    async def _read(self, account_id: str, key: str) -> bytes | None:
        content = await self._blobs.get(key)
        return None if content is None else self._vault.decrypt(account_id, content)
