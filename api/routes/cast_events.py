"""Follow a cast: server-sent events with gap-free ids, resumable by `Last-Event-ID`."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse

from api.deps import CasterDep, Services, ServicesDep
from api.routes.casts import own_cast
from schema.contracts.cast import EventKind
from schema.contracts.views import EventView
from schema.errors import SpellError

router = APIRouter(prefix="/v1", tags=["casts"])

HEARTBEAT_SECONDS = 10.0
# A client comes back with Last-Event-ID; no stream holds a connection for ever.
STREAM_SECONDS_MAX = 900.0
_LAST = frozenset({EventKind.SETTLED, EventKind.FAILED, EventKind.CANCELLED})


@router.get(
    "/casts/{cast_id}/events",
    responses={200: {"content": {"text/event-stream": {}}, "description": "The event stream"}},
)
async def follow_cast(
    cast_id: str,
    identity: CasterDep,
    services: ServicesDep,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """The cast's events from the first one, or after `Last-Event-ID`, until the cast has ended."""
    await own_cast(services, identity, cast_id)
    after = _position(last_event_id)
    return StreamingResponse(
        _stream(services, cast_id, after),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _position(last_event_id: str | None) -> int:
    if last_event_id is None:
        return 0
    if not last_event_id.isdigit() or len(last_event_id) > 18:  # noqa: PLR2004
        message = "Last-Event-ID must be the id of an event of this stream."
        raise SpellError("VALIDATION_ERROR", message)
    return int(last_event_id)


async def _stream(services: Services, cast_id: str, after: int) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + STREAM_SECONDS_MAX
    async with services.feed.follow(cast_id) as hints:
        while loop.time() < ends_at:
            for event in await services.casts.events(cast_id, after=after):
                after = event.seq
                yield _frame(event)
                if event.kind in _LAST:
                    return
            if not await hints.wait(HEARTBEAT_SECONDS):
                yield ": heartbeat\n\n"


def _frame(event: EventView) -> str:
    data = {**event.data, "at": event.created_at.isoformat()}
    return f"id: {event.seq}\nevent: {event.kind.value}\ndata: {json.dumps(data)}\n\n"
