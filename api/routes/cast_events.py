"""Follow a cast: server-sent events with gap-free ids, resumable by `Last-Event-ID`."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from fastapi.responses import StreamingResponse

from api.deps import CasterDep, Identity, Services, ServicesDep
from api.request_headers import stream_position
from api.routes.casts import own_cast
from schema.contracts.cast import FINAL_STATUSES, EventKind
from schema.contracts.views import EventView

router = APIRouter(prefix="/v1", tags=["casts"])

HEARTBEAT_SECONDS = 10.0
# A client comes back with Last-Event-ID; no stream holds a connection for ever.
STREAM_SECONDS_MAX = 900.0
_LAST = frozenset({EventKind.SETTLED, EventKind.FAILED, EventKind.CANCELLED})


@router.get(
    "/casts/{cast_id}/events",
    responses={
        200: {"content": {"text/event-stream": {}}, "description": "The event stream"},
        204: {"description": "The cast has ended, and no event is left: do not come back"},
    },
)
async def follow_cast(
    cast_id: str,
    identity: CasterDep,
    services: ServicesDep,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """The cast's events from the first one, or after `Last-Event-ID`, until the cast has ended."""
    after = stream_position(last_event_id)
    if await _all_said(services, identity, cast_id, after):
        # Browsers come back after an end of stream, unless they are told not to.
        return Response(status_code=204)
    return StreamingResponse(
        _stream(services, identity, cast_id, after),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _all_said(services: Services, identity: Identity, cast_id: str, after: int) -> bool:
    """Whether the cast has ended and no event comes after this one."""
    view = await own_cast(services, identity, cast_id)
    if view.status not in FINAL_STATUSES:
        return False
    return not await services.casts.events(cast_id, after=after, limit=1)


async def _stream(
    services: Services, identity: Identity, cast_id: str, after: int
) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + STREAM_SECONDS_MAX
    async with services.feed.follow(cast_id) as hints:
        while loop.time() < ends_at:
            for event in await services.casts.events(cast_id, after=after):
                after = event.seq
                yield _frame(event, _data_of(services, identity, event))
                if event.kind in _LAST:
                    return
            if not await hints.wait(HEARTBEAT_SECONDS):
                if await _all_said(services, identity, cast_id, after):
                    return
                yield ": heartbeat\n\n"


def _data_of(services: Services, identity: Identity, event: EventView) -> dict[str, Any]:
    """What the event says; progress is kept encrypted, since a guest may quote its inputs."""
    if event.kind is not EventKind.PROGRESS or "sealed" not in event.data:
        return event.data
    report = services.files.progress(identity.caller.account_id, event.data["sealed"])
    return {"report": report}


def _frame(event: EventView, content: dict[str, Any]) -> str:
    data = {**content, "at": event.created_at.isoformat()}
    return f"id: {event.seq}\nevent: {event.kind.value}\ndata: {json.dumps(data)}\n\n"
