"""How far the event streams of many casts and publications are, in one query."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import text

from infra.postgres import Database

# One step back in the primary key for each: never a scan of a stream.
_HEADS = text(
    "SELECT f.id, h.seq, h.kind FROM unnest(CAST(:ids AS text[])) AS f (id) CROSS JOIN LATERAL ("
    " (SELECT seq, kind FROM cast_events WHERE cast_id = f.id ORDER BY seq DESC LIMIT 1)"
    " UNION ALL"
    " (SELECT seq, kind FROM publication_events WHERE publication_id = f.id"
    "  ORDER BY seq DESC LIMIT 1)) AS h"
)
_LAST = frozenset({"settled", "failed", "cancelled", "published", "refused"})


class EventHead(NamedTuple):
    """The last event of a stream."""

    subject_id: str
    seq: int
    ended: bool
    """Whether it is the last one for ever."""


class PostgresEventHeads:
    """Reads where streams end."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def heads(self, subject_ids: Sequence[str]) -> list[EventHead]:
        """The last event of each; nothing for what has none yet."""
        async with self._database.reading() as connection:
            rows = await connection.execute(_HEADS, {"ids": list(subject_ids)})
            return [EventHead(row.id, row.seq, row.kind in _LAST) for row in rows]
