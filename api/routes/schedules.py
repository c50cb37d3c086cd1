"""Casts on a schedule: make, see, change, pause, trigger, backfill, delete."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from api.bodies import body_schema, read_json
from api.cursors import read_schedule_cursor, schedule_cursor
from api.deps import CasterDep, Identity, ScheduleIdDep, Services, ServicesDep
from api.problems import validation_error
from api.request_headers import required_key
from api.schedule_documents import (
    BackfillAnswer,
    BackfillBody,
    ScheduleBody,
    ScheduleChange,
    ScheduleDetails,
    ScheduleDocument,
    SchedulePage,
    schedule_details,
    schedule_document,
    scheduled_spell,
)
from schema import limits
from schema.canonical import JsonRefusedError, canonical_json
from schema.contracts.schedules import (
    NewSchedule,
    PauseReason,
    ScheduledSpell,
    ScheduleState,
    ScheduleView,
    Timing,
    timing_changed,
)
from schema.errors import SpellError
from schema.ids import keyed_digest, schedule_id_for
from schema.scopes import Scope

router = APIRouter(prefix="/v1/schedules", tags=["schedules"])

_BODY_BYTES_MAX = limits.SCHEDULE_INPUTS_BYTES_MAX + 16 * 1024
_RUNS_SHOWN = 20
_TIMING = frozenset(Timing.model_fields)


@router.post(
    "", status_code=201, response_model=ScheduleDocument, openapi_extra=body_schema(ScheduleBody)
)
async def make_schedule(
    request: Request,
    identity: CasterDep,
    services: ServicesDep,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> Response:
    """Cast by cron or by an interval, under this key and its caps, until it is deleted."""
    key = required_key(idempotency_key)
    body = await read_json(request, ScheduleBody, limit_bytes=_BODY_BYTES_MAX)
    new = await asyncio.to_thread(_new_schedule, services, identity, body, key)
    _check_interval(services, new.timing)
    view, is_new = await services.schedules.add(new)
    if view.state is not ScheduleState.DELETED:
        paused = view.state is ScheduleState.PAUSED
        # Again for a repetition: the first request may have died between the two.
        await services.schedule_clocks.ensure(view.schedule_id, view.timing, paused=paused)
    headers = {"Location": f"/v1/schedules/{view.schedule_id}"}
    if not is_new:
        headers["Idempotent-Replayed"] = "true"
    return JSONResponse(schedule_document(view).model_dump(mode="json"), 201, headers)


@router.get("")
async def list_schedules(
    identity: CasterDep,
    services: ServicesDep,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
    limit: Annotated[int, Query(ge=1, le=limits.LIST_LIMIT_MAX)] = 20,
) -> SchedulePage:
    """Your account's schedules, newest first."""
    views = await services.schedules.schedules(
        identity.caller.account_id, before=read_schedule_cursor(cursor), limit=limit + 1
    )
    page = views[:limit]
    more = schedule_cursor(page[-1]) if len(views) > limit else None
    return SchedulePage(items=[schedule_document(view) for view in page], next_cursor=more)


@router.get("/{schedule_id}")
async def get_schedule(
    identity: CasterDep, schedule_id: ScheduleIdDep, services: ServicesDep
) -> ScheduleDetails:
    """One schedule: when it casts next, and what came of its last times."""
    view = await _own(services, identity, schedule_id)
    next_times = await services.schedule_clocks.next_times(schedule_id)
    runs = await services.schedules.runs(schedule_id, limit=_RUNS_SHOWN)
    return schedule_details(view, next_times, runs)


@router.patch("/{schedule_id}", openapi_extra=body_schema(ScheduleChange))
async def change_schedule(
    request: Request, identity: CasterDep, schedule_id: ScheduleIdDep, services: ServicesDep
) -> ScheduleDocument:
    """Change what is in the body; it counts from the next time on."""
    body = await read_json(request, ScheduleChange, limit_bytes=_BODY_BYTES_MAX)
    view = await _own_to_spend(services, identity, schedule_id)
    sealed = _sealed(services, identity.caller.account_id, body.callback_url)
    changed = _changed(view, body, sealed)
    _check_interval(services, changed.timing)
    inputs = _inputs(body.inputs) if "inputs" in body.model_fields_set else None
    view = await services.schedules.change(identity.caller.account_id, changed, inputs)
    await services.schedule_clocks.change(schedule_id, view.timing)
    return schedule_document(view)


@router.post("/{schedule_id}:pause")
async def pause_schedule(
    identity: CasterDep, schedule_id: ScheduleIdDep, services: ServicesDep
) -> ScheduleDocument:
    """Cast no more by itself; `:trigger` and `:backfill` still do."""
    reason = PauseReason.ASKED
    view = await services.schedules.set_state(
        identity.caller.account_id, schedule_id, ScheduleState.PAUSED, reason
    )
    await services.schedule_clocks.pause(schedule_id, reason)
    return schedule_document(view)


@router.post("/{schedule_id}:resume")
async def resume_schedule(
    identity: CasterDep, schedule_id: ScheduleIdDep, services: ServicesDep
) -> ScheduleDocument:
    """Cast again, from the next time on; times that passed meanwhile are not made up for."""
    await _own_to_spend(services, identity, schedule_id)
    view = await services.schedules.set_state(
        identity.caller.account_id, schedule_id, ScheduleState.ACTIVE
    )
    await services.schedule_clocks.resume(schedule_id)
    return schedule_document(view)


@router.post("/{schedule_id}:trigger", status_code=202)
async def trigger_schedule(
    identity: CasterDep, schedule_id: ScheduleIdDep, services: ServicesDep
) -> ScheduleDocument:
    """Cast now, besides its times; the cast appears among its runs."""
    view = await _own_to_spend(services, identity, schedule_id)
    await services.schedule_clocks.trigger(schedule_id)
    return schedule_document(view)


@router.post("/{schedule_id}:backfill", status_code=202, openapi_extra=body_schema(BackfillBody))
async def backfill_schedule(
    request: Request, identity: CasterDep, schedule_id: ScheduleIdDep, services: ServicesDep
) -> BackfillAnswer:
    """Cast for the times of a range that has passed; those that were cast are not cast again."""
    body = await read_json(request, BackfillBody)
    if body.end > datetime.now(UTC):
        raise SpellError("VALIDATION_ERROR", "A backfill is of times that have passed.")
    await _own_to_spend(services, identity, schedule_id)
    times = await services.schedule_clocks.times_between(schedule_id, body.begin, body.end)
    if len(times) > limits.BACKFILL_TIMES_MAX:
        message = f"The range has {len(times)} times; {limits.BACKFILL_TIMES_MAX} go at once."
        raise SpellError("VALIDATION_ERROR", message)
    await services.schedule_clocks.backfill(schedule_id, body.begin, body.end)
    return BackfillAnswer(times=times)


@router.delete("/{schedule_id}", status_code=204)
async def delete_schedule(
    identity: CasterDep, schedule_id: ScheduleIdDep, services: ServicesDep
) -> None:
    """End a schedule, and forget its inputs; casts that run go on."""
    await services.schedules.set_state(
        identity.caller.account_id, schedule_id, ScheduleState.DELETED
    )
    await services.schedule_clocks.delete(schedule_id)


async def _own(services: Services, identity: Identity, schedule_id: str) -> ScheduleView:
    return await services.schedules.schedule(identity.caller.account_id, schedule_id)


async def _own_to_spend(services: Services, identity: Identity, schedule_id: str) -> ScheduleView:
    """The schedule, for whoever may spend under its key: that key itself, or one of the owner's.

    Raises SpellError(FORBIDDEN): or a key with a small cap would cast under another's.
    """
    view, caller = await _own(services, identity, schedule_id), identity.caller
    if view.api_key_id != caller.api_key_id and not caller.may(Scope.ACCOUNT):
        message = "Another API key made the schedule, and its caps are that key's."
        raise SpellError("FORBIDDEN", message, details={"scope": Scope.ACCOUNT.value})
    return view


def _new_schedule(
    services: Services, identity: Identity, body: ScheduleBody, key: str
) -> NewSchedule:
    account_id, secret = identity.caller.account_id, identity.cast_secret
    inputs = _inputs(body.inputs)
    rest = canonical_json(body.model_dump(mode="json", exclude={"inputs"}))
    try:
        timing = Timing.model_validate(body.model_dump(include=set(_TIMING)))
    except ValidationError as error:
        raise validation_error(list(error.errors())) from error
    return NewSchedule(
        schedule_id=schedule_id_for(account_id, secret, key),
        account_id=account_id,
        api_key_id=identity.caller.api_key_id,
        fingerprint=keyed_digest(secret, b"schedule", rest, inputs.encode("utf-8")),
        spell=scheduled_spell(body, _sealed(services, account_id, body.callback_url)),
        timing=timing,
        inputs_json=inputs,
        paused=body.paused,
    )


def _sealed(services: Services, account_id: str, callback_url: str | None) -> str | None:
    return None if callback_url is None else services.callbacks.seal(account_id, callback_url)


def _changed(view: ScheduleView, body: ScheduleChange, sealed: str | None) -> ScheduleView:
    callback = {"sealed_callback": sealed} if "callback_url" in body.model_fields_set else {}
    try:
        timing = timing_changed(view.timing, body.timing_changes)
        members: dict[str, Any] = {**view.spell.model_dump(), **body.spell_changes, **callback}
        spell = ScheduledSpell.model_validate(members)
    except ValidationError as error:
        raise validation_error(list(error.errors())) from error
    return view.model_copy(update={"timing": timing, "spell": spell})


def _inputs(inputs: object) -> str:
    try:
        text = canonical_json(inputs)
    except JsonRefusedError as error:
        raise SpellError("VALIDATION_ERROR", f"The body {error}.") from error
    if len(text) > limits.SCHEDULE_INPUTS_BYTES_MAX:
        details = {"limit_bytes": limits.SCHEDULE_INPUTS_BYTES_MAX}
        raise SpellError("PAYLOAD_TOO_LARGE", details=details)
    return text.decode("utf-8")


def _check_interval(services: Services, timing: Timing) -> None:
    shortest = services.schedule_seconds_min
    if timing.every_seconds is not None and timing.every_seconds < shortest:
        message = f"The shortest interval here is {shortest} seconds."
        raise SpellError("VALIDATION_ERROR", message)
