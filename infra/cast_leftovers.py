"""Deletion of what casts left that did not succeed.

Most left nothing. But a run may have stored its output, or artifacts, before its cast was released,
was revoked at the very end, or was judged to have failed; then no row leads to them.
"""

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from infra.blob_store import ObjectBlobStore
from infra.postgres import Database
from schema.blob_keys import cast_folder, error_stream_key, replay_key

_AT_A_TIME = 64
# By then nobody is storing anything for such a cast any more, whichever worker was left behind.
_GRACE = timedelta(hours=1)
_DUE = text(
    "SELECT l.cast_id, c.stderr_key IS NOT NULL AS has_stderr FROM cast_leftovers l"
    " JOIN casts c ON c.id = l.cast_id"
    " WHERE l.ended_at <= now() - CAST(:grace AS interval) ORDER BY l.ended_at LIMIT :limit"
)
_GONE = text("DELETE FROM cast_leftovers WHERE cast_id = ANY(CAST(:cast_ids AS text[]))")


class CastLeftovers:
    """Looks once through the folder of each cast that did not succeed.

    Args:
        database: says which these are.
        blobs: has their folders.
    """

    def __init__(self, database: Database, blobs: ObjectBlobStore) -> None:
        self._database = database
        self._blobs = blobs

    async def purge(self) -> int:
        """Clear a few folders; how many it were. Content first: what is interrupted comes again."""
        async with self._database.reading() as connection:
            due = await connection.execute(_DUE, {"grace": _GRACE, "limit": _AT_A_TIME})
            casts = {row.cast_id: _kept(row) for row in due}
        await asyncio.gather(*(self._clear(*cast) for cast in casts.items()))
        if casts:
            async with self._database.transaction() as connection:
                await connection.execute(_GONE, {"cast_ids": list(casts)})
        return len(casts)

    async def _clear(self, cast_id: str, kept: set[str]) -> None:
        for key in await self._blobs.keys_below(cast_folder(cast_id)):
            if key not in kept:
                await self._blobs.delete(key)


def _kept(cast: Any) -> set[str]:
    """What is kept of such a cast: the report on its replay, and the error stream of its row."""
    kept = {replay_key(cast.cast_id)}
    return kept | {error_stream_key(cast.cast_id)} if cast.has_stderr else kept
