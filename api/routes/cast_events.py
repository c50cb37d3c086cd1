"""Follow a cast: server-sent events with gap-free ids, resumable by `Last-Event-ID`.

The same for every mode: all of them write their events to one table.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response

from api.deps import CasterDep, Identity, Services, ServicesDep
from api.event_streams import PAGE_EVENTS_MAX, EventSource, Frame
from api.request_headers import stream_position
from api.routes.casts import own_cast
from schema.contracts.cast import FINAL_STATUSES, EventKind
from schema.contracts.views import EventView

router = APIRouter(prefix="/v1", tags=["casts"])

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
    return await services.streams.answer(_source(services, identity, cast_id), after)


def _source(services: Services, identity: Identity, cast_id: str) -> EventSource:
    account_id = identity.caller.account_id

    async def frames(after: int) -> list[Frame]:
        events = await services.casts.events(cast_id, after=after, limit=PAGE_EVENTS_MAX)
        return [_frame(services, account_id, event) for event in events]

    async def is_over(after: int) -> bool:
        view = await own_cast(services, identity, cast_id)
        if view.status not in FINAL_STATUSES:
            return False
        return not await services.casts.events(cast_id, after=after, limit=1)

    return EventSource(cast_id, account_id, frames, is_over)


def _frame(services: Services, account_id: str, event: EventView) -> Frame:
    data = {**_data_of(services, account_id, event), "at": event.created_at.isoformat()}
    return Frame.of(event.seq, event.kind.value, data, last=event.kind in _LAST)


def _data_of(services: Services, account_id: str, event: EventView) -> dict[str, Any]:
    """What the event says; progress is kept encrypted, since a guest may quote its inputs."""
    if event.kind is not EventKind.PROGRESS or "sealed" not in event.data:
        return event.data
    report = services.files.progress(account_id, event.data["sealed"])
    return {"report": report}
