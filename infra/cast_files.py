"""Output and error stream of casts, decrypted for their account. Fits the API's `CastFiles`."""

import base64
import json
from typing import Any

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

    def progress(self, account_id: str, sealed_report: str) -> dict[str, Any]:
        """A progress report, as the event of it keeps it."""
        report = self._vault.decrypt(account_id, base64.b64decode(sealed_report))
        opened: dict[str, Any] = json.loads(report)
        return opened

    async def _read(self, account_id: str, key: str) -> bytes | None:
        content = await self._blobs.get(key)
        return None if content is None else self._vault.decrypt(account_id, content)
