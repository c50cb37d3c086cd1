"""Archives on their way: chunks in object storage, their list in Postgres. Fits port `Uploads`.

A chunk is stored under a name of its own before the list takes it in, and the list takes in only
what goes on where it ends: of two writers at one offset, one is refused and its chunk dropped.
"""

import secrets
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.blob_store import ObjectBlobStore
from infra.postgres import Database, as_jsonb
from schema import limits
from schema.blob_keys import upload_chunk_key
from schema.contracts.publish import UploadOrder, UploadView
from schema.errors import SpellError
from schema.ids import publication_of_upload

_LOCK_ACCOUNT = text("SELECT id FROM accounts WHERE id = :account_id FOR NO KEY UPDATE")
_EXPIRED = text(
    "SELECT id, chunks FROM uploads WHERE expires_at <= now() ORDER BY expires_at LIMIT 16"
)
_FORGET_EXPIRED = text(
    "DELETE FROM uploads WHERE id = :id AND expires_at <= now() RETURNING id, chunks"
)
_OPEN = text(
    "SELECT count(*) FROM uploads WHERE account_id = :account_id AND id <> :id"
    " AND received_bytes < package_bytes AND expires_at > now()"
)
_BEGIN = text(
    "INSERT INTO uploads (id, account_id, package_digest, package_bytes, bundle_digest, expires_at)"
    " VALUES (:id, :account_id, :package_digest, :package_bytes, :bundle_digest,"
    " now() + CAST(:lifetime AS interval)) ON CONFLICT (id) DO NOTHING"
)
_FIND = text(
    "SELECT * FROM uploads WHERE id = :id AND account_id = :account_id AND expires_at > now()"
)
_APPEND = text(
    "UPDATE uploads SET received_bytes = received_bytes + :size,"
    " chunks = chunks || CAST(:chunk AS jsonb)"
    " WHERE id = :id AND received_bytes = :offset AND received_bytes + :size <= package_bytes"
    " AND expires_at > now() RETURNING *"
)
_LOCK = text("SELECT chunks FROM uploads WHERE id = :id FOR UPDATE")
_RELEASE = text("UPDATE uploads SET chunks = '[]' WHERE id = :id")
_REMOVE = text("DELETE FROM uploads WHERE id = :id RETURNING id, chunks")


class BlobUploads:
    """Uploads of all accounts; each sees its own."""

    def __init__(self, database: Database, blobs: ObjectBlobStore) -> None:
        self._database = database
        self._blobs = blobs

    async def begin(
        self, account_id: str, upload_id: str, order: UploadOrder, bundle_digest: str | None
    ) -> UploadView:
        """Begin an upload; the same one again is the one that is there, however far it is.

        Raises:
            SpellError: IDEMPOTENCY_CONFLICT, TOO_MANY_UPLOADS.
        """
        row = {
            "id": upload_id,
            "account_id": account_id,
            "package_digest": order.package_digest,
            "package_bytes": order.package_bytes,
            "bundle_digest": bundle_digest,
            "lifetime": limits.UPLOAD_LIFETIME,
        }
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK_ACCOUNT, {"account_id": account_id})
            expired = (await connection.execute(_FORGET_EXPIRED, {"id": upload_id})).all()
            await _check_count(connection, account_id, upload_id)
            await connection.execute(_BEGIN, row)
            known = (await connection.execute(_FIND, row)).one()
        for each in expired:
            await self._drop(each.id, each.chunks)
        if any(getattr(known, name) != row[name] for name in _SAID):
            raise SpellError("IDEMPOTENCY_CONFLICT", details={"upload_id": upload_id})
        return _view(known)

    async def find(self, account_id: str, upload_id: str) -> tuple[UploadView, str | None]:
        """The upload and its signature's digest. Raises SpellError(UPLOAD_NOT_FOUND)."""
        row = await self._row(account_id, upload_id)
        return _view(row), row.bundle_digest

    async def append(
        self, account_id: str, upload_id: str, offset: int, content: bytes
    ) -> UploadView:
        """Take in what goes on at the offset.

        Raises:
            SpellError: UPLOAD_NOT_FOUND; UPLOAD_OFFSET_CONFLICT, with the right one; VALIDATION_
                ERROR, more than was said, or in too many chunks.
        """
        row = await self._row(account_id, upload_id)
        _check_chunk(row, offset, content)
        if not content:
            return _view(row)
        chunk = secrets.token_hex(8)
        await self._blobs.put(upload_chunk_key(upload_id, chunk), content)
        parameters = {
            "id": upload_id,
            "offset": offset,
            "size": len(content),
            "chunk": as_jsonb([chunk]),
        }
        async with self._database.transaction() as connection:
            taken = (await connection.execute(_APPEND, parameters)).one_or_none()
        if taken is None:
            await self._drop(upload_id, [chunk])
            raise _conflict(await self._row(account_id, upload_id))
        return _view(taken)

    async def content(self, account_id: str, upload_id: str) -> bytes | None:
        """Everything that arrived, in its order; None once it was released.

        Raises:
            SpellError: UPLOAD_NOT_FOUND.
        """
        row = await self._row(account_id, upload_id)
        if not row.chunks and row.received_bytes:
            return None
        parts = []
        for chunk in row.chunks:
            part = await self._blobs.get(upload_chunk_key(upload_id, chunk))
            if part is None:
                # Whoever published it meanwhile has dropped the chunks: say what is so now.
                if not (await self._row(account_id, upload_id)).chunks:
                    return None
                raise SpellError("UPLOAD_NOT_FOUND", details={"upload_id": upload_id})
            parts.append(part)
        return b"".join(parts)

    async def remove(self, account_id: str, upload_id: str) -> None:
        """Forget an upload and its chunks. Raises SpellError(UPLOAD_NOT_FOUND)."""
        await self._row(account_id, upload_id)
        async with self._database.transaction() as connection:
            row = (await connection.execute(_REMOVE, {"id": upload_id})).one_or_none()
        if row is not None:
            await self._drop(row.id, row.chunks)

    async def purge(self) -> int:
        """Drop a few uploads that are past their time, chunks first; how many it were."""
        async with self._database.reading() as connection:
            expired = (await connection.execute(_EXPIRED)).all()
        for each in expired:
            # Chunks first: were the list gone before them, nobody could find them again.
            await self._drop(each.id, each.chunks)
            async with self._database.transaction() as connection:
                await connection.execute(_FORGET_EXPIRED, {"id": each.id})
        return len(expired)

    async def release(self, upload_id: str) -> None:
        """Drop the chunks of an upload that became a publication; that it did stays known."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(_LOCK, {"id": upload_id})).one_or_none()
            await connection.execute(_RELEASE, {"id": upload_id})
        if row is not None:
            await self._drop(upload_id, row.chunks)

    async def _row(self, account_id: str, upload_id: str) -> Any:
        async with self._database.reading() as connection:
            found = await connection.execute(_FIND, {"id": upload_id, "account_id": account_id})
            row = found.one_or_none()
        if row is None:
            raise SpellError("UPLOAD_NOT_FOUND")
        return row

    async def _drop(self, upload_id: str, chunks: list[str]) -> None:
        for chunk in chunks:
            await self._blobs.delete(upload_chunk_key(upload_id, chunk))


_SAID = ("account_id", "package_digest", "package_bytes", "bundle_digest")


async def _check_count(connection: AsyncConnection, account_id: str, upload_id: str) -> None:
    counted = await connection.execute(_OPEN, {"account_id": account_id, "id": upload_id})
    if counted.scalar_one() >= limits.UPLOADS_OPEN_MAX:
        details = {"open_uploads_max": limits.UPLOADS_OPEN_MAX}
        raise SpellError("TOO_MANY_UPLOADS", details=details, retry_after=60)


def _check_chunk(row: Any, offset: int, content: bytes) -> None:
    if offset != row.received_bytes:
        raise _conflict(row)
    if offset + len(content) > row.package_bytes:
        message = f"The archive was said to have {row.package_bytes:,} bytes; these are more."
        raise SpellError("VALIDATION_ERROR", message)
    if len(row.chunks) >= limits.UPLOAD_CHUNKS_MAX:
        message = f"An upload comes in {limits.UPLOAD_CHUNKS_MAX} chunks at most: send larger ones."
        raise SpellError("VALIDATION_ERROR", message)


def _conflict(row: Any) -> SpellError:
    return SpellError("UPLOAD_OFFSET_CONFLICT", details={"offset": row.received_bytes})


def _view(row: Any) -> UploadView:
    complete = row.received_bytes == row.package_bytes
    return UploadView(
        upload_id=row.id,
        package_digest=row.package_digest,
        package_bytes=row.package_bytes,
        offset=row.received_bytes,
        expires_at=row.expires_at,
        publication_id=publication_of_upload(row.id) if complete else None,
    )
