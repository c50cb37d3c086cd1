"""The event stream of a cast: gap-free numbers, one writer at a time (decision 23)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import as_jsonb

# The cast's row lock serialises its writers; numbers and events share the transaction.
_APPEND = text(
    "WITH numbered AS (UPDATE casts SET event_seq = event_seq + :count WHERE id = :cast_id"
    " RETURNING id, event_seq - :count AS before)"
    " INSERT INTO cast_events (cast_id, seq, kind, data)"
    " SELECT n.id, n.before + e.place, e.kind, CAST(e.data AS jsonb) FROM numbered n,"
    " unnest(CAST(:kinds AS text[]), CAST(:data AS text[])) WITH ORDINALITY AS e(kind, data, place)"
)

Event = tuple[str, dict[str, Any]]


async def append(connection: AsyncConnection, cast_id: str, new: Sequence[Event]) -> None:
    """Append events to a cast's stream; nothing happens for a cast that is not there."""
    await connection.execute(
        _APPEND,
        {
            "cast_id": cast_id,
            "count": len(new),
            "kinds": [kind for kind, _ in new],
            "data": [as_jsonb(data) for _, data in new],
        },
    )
