"""Deletion of what casts left, when its time is up. Fits the port `ExpiredArtifacts`.

Content first, then the rows that lead to it: what is interrupted in between is found again.
"""

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from infra.blob_store import ObjectBlobStore
from infra.cast_leftovers import CastLeftovers
from infra.postgres import Database
from schema import limits

_AT_A_TIME = 64
_ARTIFACTS = text(
    "SELECT cast_id, name, blob_key FROM artifacts WHERE deleted_at IS NULL"
    " AND expires_at <= now() ORDER BY expires_at LIMIT :limit"
)
_OUTPUTS = text(
    "SELECT id AS cast_id, output_key AS blob_key FROM casts WHERE output_key IS NOT NULL"
    " AND finished_at <= now() - CAST(:lifetime AS interval) ORDER BY finished_at LIMIT :limit"
)
_ERROR_STREAMS = text(
    "SELECT id AS cast_id, stderr_key AS blob_key FROM casts WHERE stderr_key IS NOT NULL"
    " AND finished_at <= now() - CAST(:lifetime AS interval) ORDER BY finished_at LIMIT :limit"
)
_ARTIFACTS_GONE = text(
    "UPDATE artifacts SET deleted_at = now() WHERE blob_key = ANY(CAST(:blob_keys AS text[]))"
    " AND deleted_at IS NULL"
)
_OUTPUTS_GONE = text("UPDATE casts SET output_key = NULL WHERE id = ANY(CAST(:cast_ids AS text[]))")
_ERROR_STREAMS_GONE = text(
    "UPDATE casts SET stderr_key = NULL WHERE id = ANY(CAST(:cast_ids AS text[]))"
)
_FORGET_LINKS = text("DELETE FROM used_artifact_links WHERE expires_at < now()")


class BlobExpiredArtifacts:
    """Finds what is past its time, and deletes it.

    Args:
        database: says what there is.
        blobs: has the content.
        lifetime: of outputs; an artifact's row has its own, an error stream the platform's.
    """

    def __init__(self, database: Database, blobs: ObjectBlobStore, lifetime: timedelta) -> None:
        self._database = database
        self._blobs = blobs
        self._leftovers = CastLeftovers(database, blobs)
        self._looks = (
            (_ARTIFACTS, _ARTIFACTS_GONE, None),
            (_OUTPUTS, _OUTPUTS_GONE, lifetime),
            (_ERROR_STREAMS, _ERROR_STREAMS_GONE, limits.LOGS_LIFETIME),
        )

    async def purge(self) -> int:
        """Delete a few; how many it were. None left is 0."""
        purged = [await self._purge(*look) for look in self._looks]
        return sum(purged) + await self._leftovers.purge()

    async def forget_used_links(self) -> None:
        """Drop the notes on one-use links that could not be used any more anyway."""
        async with self._database.transaction() as connection:
            await connection.execute(_FORGET_LINKS)

    async def _purge(self, find: Any, gone: Any, lifetime: timedelta | None) -> int:
        parameters: dict[str, Any] = {"limit": _AT_A_TIME}
        if lifetime is not None:
            parameters["lifetime"] = lifetime
        async with self._database.reading() as connection:
            rows = (await connection.execute(find, parameters)).all()
        await asyncio.gather(*(self._blobs.delete(row.blob_key) for row in rows))
        if rows:
            of_row = "blob_key" if lifetime is None else "cast_id"
            async with self._database.transaction() as connection:
                await connection.execute(gone, {f"{of_row}s": [getattr(r, of_row) for r in rows]})
        return len(rows)
