"""The event stream of a cast: gap-free numbers, one writer at a time (decision 23)."""

import json
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# The cast's row lock serialises its writers; number and event share the transaction.
_APPEND = text(
    "WITH numbered AS (UPDATE casts SET event_seq = event_seq + 1 WHERE id = :cast_id"
    " RETURNING id, event_seq)"
    " INSERT INTO cast_events (cast_id, seq, kind, data)"
    " SELECT id, event_seq, :kind, CAST(:data AS jsonb) FROM numbered"
)


async def append(
    connection: AsyncConnection, cast_id: str, kind: str, data: dict[str, Any]
) -> None:
    """Append one event to a cast's stream; nothing happens for a cast that is not there."""
    await connection.execute(_APPEND, {"cast_id": cast_id, "kind": kind, "data": json.dumps(data)})
