"""Object storage through obstore: a local folder, or S3, R2 and GCS by URL."""

from pathlib import Path
from urllib.parse import urlsplit

import obstore
from obstore.store import LocalStore, ObjectStore, from_url


class ObjectBlobStore:
    """Bytes under a key. Fits the port `BlobStore`; a write is seen whole or not at all.

    Args:
        url: `file:///folder` (made when missing), `s3://bucket/prefix`, `gs://bucket` ….
            Credentials come from the vendor's usual environment variables.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._store: ObjectStore
        if parts.scheme == "file":
            Path(parts.path).mkdir(parents=True, exist_ok=True)
            self._store = LocalStore(prefix=parts.path)
        else:
            self._store = from_url(url)

    async def put(self, key: str, content: bytes) -> None:
        """Store the bytes, replacing what was there."""
        await obstore.put_async(self._store, key, content)

    async def get(self, key: str) -> bytes | None:
        """The bytes, or None."""
        try:
            result = await obstore.get_async(self._store, key)
        except FileNotFoundError:
            return None
        return bytes(await result.bytes_async())

    async def get_range(self, key: str, start: int, length: int) -> bytes | None:
        """These bytes of a key, fewer where it ends; None when there is no such key."""
        try:
            content = await obstore.get_range_async(self._store, key, start=start, length=length)
        except FileNotFoundError:
            return None
        return bytes(content)

    async def keys_below(self, folder: str) -> list[str]:
        """All keys that begin with a folder's name; for folders of few."""
        pages = obstore.list(self._store, prefix=folder.removesuffix("/"))
        found = [str(meta["path"]) async for page in pages for meta in page]
        return [key for key in found if key.startswith(folder)]

    async def delete(self, key: str) -> None:
        """Remove the key; nothing happens when it is not there."""
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return
