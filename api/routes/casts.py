"""Cast a spell; read, follow and cancel casts."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from api.bodies import body_schema, read_json
from api.cursors import cast_cursor, read_cast_cursor
from api.deps import CasterDep, Identity, Services, ServicesDep, SpellKeyDep
from api.documents import (
    AdmittedCast,
    CancelledCast,
    CastBody,
    CastDocument,
    CastPage,
    ResultArtifact,
    admitted_cast,
    cast_document,
)
from api.problems import problem_response
from api.request_headers import required_key, seconds_to_wait
from schema import limits
from schema.artifact_names import OUTPUT_ARTIFACT
from schema.canonical import JsonRefusedError, canonical_json
from schema.contracts.artifacts import LinkOrder
from schema.contracts.cast import FINAL_STATUSES, Admission, CastInput, CastStatus
from schema.contracts.views import CastView, TransferView
from schema.errors import SpellError
from schema.ids import CAST_ID_PATTERN, cast_id_for, keyed_digest, sha256_digest

router = APIRouter(prefix="/v1", tags=["casts"])


@router.post(
    "/spells/{key}:cast",
    status_code=202,
    response_model=AdmittedCast,
    responses={200: {"model": CastDocument, "description": "The cast, finished in time"}},
    openapi_extra=body_schema(CastBody),
)
async def cast_spell(
    request: Request,
    identity: CasterDep,
    key: SpellKeyDep,
    services: ServicesDep,
    idempotency_key: Annotated[str | None, Header()] = None,
    prefer: Annotated[str | None, Header()] = None,
) -> Response:
    """Cast a spell: held under your caps, run once, charged for what it used.

    With `Prefer: wait=N` (at most 60) the finished cast comes back if it ends in N seconds.
    """
    cast_key = required_key(idempotency_key)
    body = await read_json(request, CastBody, limit_bytes=limits.INPUTS_BYTES_MAX)
    # Canonical text of megabytes is slow Python; others are served meanwhile.
    cast = await asyncio.to_thread(_cast_input, services, identity, key, body, cast_key)
    seconds = seconds_to_wait(prefer)
    if seconds == 0:
        admission, replayed = await _admit(services, cast)
        return _answer(request, admission, None, replayed=replayed)
    with services.feed.follow(cast.cast_id) as hints:
        admission, replayed = await _admit(services, cast)
        view = None
        if admission.accepted:
            view = await _wait(services, cast, hints.wait, seconds, look_first=replayed)
    ended = await _with_output(services, identity, view) if view else None
    return _answer(request, admission, ended, replayed=replayed)


@router.get("/casts")
async def list_casts(
    identity: CasterDep,
    services: ServicesDep,
    status: CastStatus | None = None,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
    limit: Annotated[int, Query(ge=1, le=limits.LIST_LIMIT_MAX)] = 20,
) -> CastPage:
    """Your account's casts, newest first, without their results."""
    views = await services.casts.casts(
        identity.caller.account_id,
        status=status,
        before=read_cast_cursor(cursor),
        limit=limit + 1,
    )
    page = views[:limit]
    more = cast_cursor(page[-1]) if len(views) > limit else None
    return CastPage(items=[cast_document(view) for view in page], next_cursor=more)


@router.get("/casts/{cast_id}")
async def get_cast(cast_id: str, identity: CasterDep, services: ServicesDep) -> CastDocument:
    """One cast, with its result once it has succeeded."""
    view = await own_cast(services, identity, cast_id)
    return await _with_output(services, identity, view)


@router.post("/casts/{cast_id}:cancel")
async def cancel_cast(cast_id: str, identity: CasterDep, services: ServicesDep) -> CancelledCast:
    """Stop a cast. Free before it starts; after that the metered use so far is charged."""
    view = await own_cast(services, identity, cast_id)
    cancelled = None
    if view.status not in FINAL_STATUSES:
        cancelled = await services.casting.cancel(cast_id)
    view = await own_cast(services, identity, cast_id)
    if cancelled is None and view.status not in FINAL_STATUSES:
        # Its workflow was terminated; the reconciler ends the cast, uncharged.
        message = "The cast lost its process and is about to be ended, uncharged."
        raise SpellError("SERVICE_UNAVAILABLE", message, retry_after=120)
    if cancelled is None:
        raise SpellError("CAST_FINISHED", details={"status": view.status})
    return CancelledCast(
        accepted=cancelled.accepted, cast=await _with_output(services, identity, view)
    )


@router.get("/casts/{cast_id}/logs")
async def get_logs(cast_id: str, identity: CasterDep, services: ServicesDep) -> Response:
    """What the spell wrote to its error stream, as text."""
    await own_cast(services, identity, cast_id)
    content = await services.files.error_stream(identity.caller.account_id, cast_id)
    text = (content or b"").decode("utf-8", "replace")
    return Response(text, media_type="text/plain; charset=utf-8")


@router.get("/casts/{cast_id}/output", response_class=Response)
async def get_output(cast_id: str, identity: CasterDep, services: ServicesDep) -> Response:
    """The result, byte for byte as the spell wrote it: what the receipt has the digest of."""
    view = await own_cast(services, identity, cast_id)
    if view.status is not CastStatus.SUCCEEDED:
        # Of a cast that was revoked at its very end there may be one, which nobody paid for.
        raise SpellError("NOT_FOUND", "The cast has no output.")
    content = await services.artifacts.output(view)
    if content is None:
        raise SpellError("ARTIFACT_EXPIRED")
    return Response(content, media_type="application/json")


@router.get("/casts/{cast_id}/transfers")
async def get_transfers(
    cast_id: str, identity: CasterDep, services: ServicesDep
) -> list[TransferView]:
    """What the cast moved in the ledger."""
    await own_cast(services, identity, cast_id)
    return await services.casts.transfers(cast_id)


async def own_cast(services: Services, identity: Identity, cast_id: str) -> CastView:
    """The caller's cast. Raises SpellError(CAST_NOT_FOUND), for foreign ones too."""
    view = None
    if CAST_ID_PATTERN.match(cast_id):
        view = await services.casts.cast(identity.caller.account_id, cast_id)
    if view is None:
        raise SpellError("CAST_NOT_FOUND")
    return view


def _cast_input(
    services: Services, identity: Identity, key: str, body: CastBody, idempotency_key: str
) -> CastInput:
    account_id, secret = identity.caller.account_id, identity.cast_secret
    try:
        inputs = canonical_json(body.inputs)
        rest = canonical_json(_without_inputs(body))
    except JsonRefusedError as error:
        raise SpellError("VALIDATION_ERROR", f"The body {error}.") from error
    return CastInput(
        cast_id=cast_id_for(account_id, secret, idempotency_key),
        account_id=account_id,
        api_key_id=identity.caller.api_key_id,
        fingerprint=keyed_digest(secret, b"fingerprint", key.encode("utf-8"), rest, inputs),
        spell_key=key,
        version=body.version,
        mode=body.mode,
        inputs_json=inputs.decode("utf-8"),
        budget_cap_micros=body.budget_cap.micros if body.budget_cap else None,
        budget_cap_currency=body.budget_cap.currency if body.budget_cap else "USD",
        limits=body.limits,
        sealed_callback=body.callback_url
        and services.callbacks.seal(account_id, body.callback_url),
    )


def _without_inputs(body: CastBody) -> dict[str, Any]:
    """The rest of the request, for its fingerprint.

    Limits and the callback are in it only where they are set: without them a body has the
    fingerprint that it had before there were any, so a repetition across an upgrade still finds its
    cast.
    """
    rest = body.model_dump(mode="json", exclude={"inputs", "limits", "callback_url"})
    if body.callback_url is not None:
        rest["callback_url"] = body.callback_url
    limits = body.limits.model_dump(exclude_none=True) if body.limits else {}
    return {**rest, "limits": limits} if limits else rest


async def _admit(services: Services, cast: CastInput) -> tuple[Admission, bool]:
    """The admission, and whether it was decided by an earlier request."""
    recorded = await services.casts.admission(cast.cast_id)
    if recorded is None:
        await services.backpressure.check(cast.account_id)
        return await services.casting.admit(cast), False
    fingerprint, admission = recorded
    if fingerprint != cast.fingerprint:
        raise SpellError("IDEMPOTENCY_CONFLICT", details={"cast_id": cast.cast_id})
    return admission, True


async def _wait(
    services: Services, cast: CastInput, changed: Any, seconds: int, *, look_first: bool
) -> CastView | None:
    """The cast once it is final, or None when the time is up.

    A cast that was admitted just now has not ended yet: its first hint is worth the first look.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    if not look_first:
        await changed(min(seconds, 5.0))
    while True:
        view = await services.casts.cast(cast.account_id, cast.cast_id)
        if view is not None and view.status in FINAL_STATUSES:
            return view
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            return None
        await changed(min(left, 5.0))


def _answer(
    request: Request, admission: Admission, ended: CastDocument | None, *, replayed: bool
) -> Response:
    headers = {"Idempotent-Replayed": "true"} if replayed else {}
    if admission.problem is not None:
        # Returned, not raised: a refusal is replayed for its key like any other answer.
        return problem_response(request, admission.problem.to_error(), headers)
    if ended is not None:
        return JSONResponse(ended.model_dump(mode="json"), 200, headers)
    document = admitted_cast(admission)
    headers["Location"] = f"/v1/casts/{admission.cast_id}"
    return JSONResponse(document.model_dump(mode="json"), 202, headers)


async def _with_output(services: Services, identity: Identity, view: CastView) -> CastDocument:
    """The cast with its result, or with where that is when it is large or gone."""
    if view.status is not CastStatus.SUCCEEDED:
        return cast_document(view)
    output = await services.artifacts.output(view)
    if output is not None and len(output) <= limits.INLINE_RESULT_BYTES_MAX:
        return cast_document(view, output)
    where = ResultArtifact(expires_at=services.artifacts.output_expires_at(view).isoformat())
    if output is not None:
        order = LinkOrder(name=OUTPUT_ARTIFACT)
        link = services.links.make(view.cast_id, identity.caller.api_key_id, order)
        kept = {"bytes": len(output), "digest": sha256_digest(output), "link": link}
        where = where.model_copy(update=kept)
    return cast_document(view, result_artifact=where)
