"""Publish a package, and follow its publication."""

import asyncio
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse

from api.bodies import check_length, media_type_of, read_body
from api.deps import Identity, MakerDep, Services, ServicesDep
from api.event_streams import PAGE_EVENTS_MAX, EventSource, Frame
from api.multipart import MULTIPART_MEDIA_TYPE, read_parts
from api.request_headers import required_key, seconds_to_wait, stream_position
from schema import limits
from schema.contracts.publish import (
    PublicationEventKind,
    PublicationEventView,
    PublicationState,
    PublicationView,
    PublishInput,
    PublishResult,
)
from schema.errors import SpellError
from schema.ids import publication_id_for, sha256_digest

router = APIRouter(prefix="/v1", tags=["publications"])

PACKAGE_MEDIA_TYPE = "application/x-tar"
# What boundaries and the headers of two parts may take.
_FORM_BYTES_MAX = limits.PACKAGE_BYTES_MAX + limits.SIGNATURE_BYTES_MAX + 16 * 1024
_BINARY = {"type": "string", "format": "binary"}
_UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            MULTIPART_MEDIA_TYPE: {
                "schema": {
                    "type": "object",
                    "properties": {"package": _BINARY, "signature": _BINARY},
                    "required": ["package"],
                }
            },
            PACKAGE_MEDIA_TYPE: {"schema": _BINARY},
        },
    }
}
_LAST = frozenset({PublicationEventKind.PUBLISHED, PublicationEventKind.REFUSED})


@router.post(
    "/spells",
    status_code=201,
    response_model=PublishResult,
    responses={202: {"model": PublicationView, "description": "It still runs"}},
    openapi_extra=_UPLOAD,
)
async def publish_spell(
    request: Request,
    identity: MakerDep,
    services: ServicesDep,
    idempotency_key: Annotated[str | None, Header()] = None,
    prefer: Annotated[str | None, Header()] = None,
) -> Response:
    """Publish a package (a canonical tar) with its signature, as a form of two parts.

    The same one again answers 200 and changes nothing. A body that is a tar alone is unsigned.
    What does not end in time (60 s, or `Prefer: wait=N`) answers 202 with its publication.
    """
    key = secrets.token_hex(16) if idempotency_key is None else required_key(idempotency_key)
    wait = seconds_to_wait(prefer, otherwise=limits.PREFER_WAIT_SECONDS_MAX)
    account_id = identity.caller.account_id
    publication_id = publication_id_for(account_id, identity.cast_secret, key)
    async with services.archive_slots.slot(account_id):
        await _publish(request, services, account_id, publication_id)
    return await answer_of(services, identity, publication_id, wait)


@router.get("/publications/{publication_id}")
async def get_publication(
    publication_id: str, identity: MakerDep, services: ServicesDep
) -> PublicationView:
    """How far a publication is; with every reason and the problem, once it has ended."""
    return await own_publication(services, identity, publication_id)


@router.get(
    "/publications/{publication_id}/events",
    responses={
        200: {"content": {"text/event-stream": {}}, "description": "The event stream"},
        204: {"description": "It has ended, and no event is left: do not come back"},
    },
)
async def follow_publication(
    publication_id: str,
    identity: MakerDep,
    services: ServicesDep,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """The publication's events from the first one, or after `Last-Event-ID`, until its end."""
    after = stream_position(last_event_id)
    source = _source(services, identity, publication_id)
    return await services.streams.answer(source, after)


async def answer_of(
    services: Services, identity: Identity, publication_id: str, seconds: int
) -> Response:
    """The verdict, if it comes in time; otherwise the publication, to be followed."""
    result = None
    if seconds:
        result = await services.publishing.result(publication_id, seconds_max=seconds)
    if result is None:
        view = await own_publication(services, identity, publication_id)
        headers = {"Location": f"/v1/publications/{publication_id}"}
        return JSONResponse(view.model_dump(mode="json"), 202, headers)
    if result.problem is not None:
        raise result.problem.to_error()
    headers = {"Location": f"/v1/spells/{result.spell_key}/versions/{result.version}"}
    status = 201 if result.created else 200
    return JSONResponse(result.model_dump(mode="json"), status, headers)


async def own_publication(
    services: Services, identity: Identity, publication_id: str
) -> PublicationView:
    """The caller's publication. Raises SpellError(PUBLICATION_NOT_FOUND), for foreign ones too."""
    account_id = identity.caller.account_id
    view = None
    if publication_id.isascii() and publication_id.isprintable():
        view = await services.publications.publication(account_id, publication_id)
    if view is None:
        raise SpellError("PUBLICATION_NOT_FOUND")
    return view


async def _publish(
    request: Request, services: Services, account_id: str, publication_id: str
) -> None:
    """Make a publication of the body. The archive is let go of before anybody waits for it."""
    archive, bundle = await _package_and_signature(request)
    upload = PublishInput(
        publication_id=publication_id,
        account_id=account_id,
        package_digest=await asyncio.to_thread(sha256_digest, archive),
        package_bytes=len(archive),
        bundle_digest=await services.publishing.keep_bundle(bundle) if bundle else None,
    )
    await services.publishing.publish(upload, archive)


async def _package_and_signature(request: Request) -> tuple[bytes, bytes | None]:
    media_type = media_type_of(request)
    if media_type == PACKAGE_MEDIA_TYPE:
        body = await read_body(
            request, limit_bytes=limits.PACKAGE_BYTES_MAX, media_type=PACKAGE_MEDIA_TYPE
        )
        return body, None
    if media_type != MULTIPART_MEDIA_TYPE:
        accepts = f"{MULTIPART_MEDIA_TYPE}, {PACKAGE_MEDIA_TYPE}"
        raise SpellError("UNSUPPORTED_MEDIA_TYPE", details={"accepts": accepts})
    check_length(request, _FORM_BYTES_MAX)
    parts = await read_parts(
        request,
        {"package": limits.PACKAGE_BYTES_MAX, "signature": limits.SIGNATURE_BYTES_MAX},
    )
    if "package" not in parts:
        raise SpellError("VALIDATION_ERROR", "The form needs a part `package`.")
    return parts["package"], parts.get("signature")


def _source(services: Services, identity: Identity, publication_id: str) -> EventSource:
    async def frames(after: int) -> list[Frame]:
        events = await services.publications.events(
            publication_id, after=after, limit=PAGE_EVENTS_MAX
        )
        return [_frame(event) for event in events]

    async def is_over(after: int) -> bool:
        view = await own_publication(services, identity, publication_id)
        if view.state is PublicationState.RUNNING:
            return False
        return not await services.publications.events(publication_id, after=after, limit=1)

    return EventSource(publication_id, identity.caller.account_id, frames, is_over)


def _frame(event: PublicationEventView) -> Frame:
    data = {**event.data, "step": event.step, "at": event.created_at.isoformat()}
    return Frame.of(event.seq, event.kind.value, data, last=event.kind in _LAST)
