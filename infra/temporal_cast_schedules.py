"""The clocks of accounts' schedules, on Temporal.

Fits the API's port `ScheduleClocks` and the activities' `PausedClocks`. Temporal knows when; what
is cast stands in Postgres, so that a change counts from the next time on.
"""

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleBackfill,
    ScheduleHandle,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from schema.contracts.schedules import Overlap, PauseReason, ScheduleRef, Timing
from schema.errors import SpellError
from schema.ids import schedule_workflow_id
from schema.names import CASTS_TASK_QUEUE

# By name: `workflows` is a sibling that infra does not import; a test checks that names agree.
SCHEDULED_WORKFLOW = "cast_on_schedule"
# The longest cast, its place in queues, and a day for whatever is away meanwhile.
_RUN_TIMEOUT = timedelta(hours=32)
_OVERLAPS = {
    Overlap.SKIP: ScheduleOverlapPolicy.SKIP,
    Overlap.BUFFER_ONE: ScheduleOverlapPolicy.BUFFER_ONE,
    Overlap.BUFFER_ALL: ScheduleOverlapPolicy.BUFFER_ALL,
    Overlap.ALLOW_ALL: ScheduleOverlapPolicy.ALLOW_ALL,
}


_T = TypeVar("_T")


class TemporalCastSchedules:
    """Temporal's schedules, one for each of ours, under the same id."""

    def __init__(self, client: Client, task_queue: str = CASTS_TASK_QUEUE) -> None:
        self._client = client
        self._task_queue = task_queue

    async def ensure(self, schedule_id: str, timing: Timing, *, paused: bool) -> None:
        """Make the clock of a schedule; one that is there stays as it is."""
        schedule = Schedule(
            action=ScheduleActionStartWorkflow(
                SCHEDULED_WORKFLOW,
                ScheduleRef(schedule_id=schedule_id),
                id=schedule_workflow_id(schedule_id),
                task_queue=self._task_queue,
                execution_timeout=_RUN_TIMEOUT,
            ),
            spec=_spec(timing),
            policy=_policy(timing),
            state=ScheduleState(paused=paused),
        )
        try:
            await _asked(self._client.create_schedule(schedule_id, schedule))
        except ScheduleAlreadyRunningError:
            return

    async def change(self, schedule_id: str, timing: Timing) -> None:
        """Go by another timing from now on."""

        def changed(current: ScheduleUpdateInput) -> ScheduleUpdate:
            schedule = current.description.schedule
            schedule.spec, schedule.policy = _spec(timing), _policy(timing)
            return ScheduleUpdate(schedule=schedule)

        await _asked(self._handle(schedule_id).update(changed))

    async def pause(self, schedule_id: str, reason: PauseReason) -> None:
        """Start nothing more by itself; a clock that is gone starts nothing."""
        await _unless_gone(self._handle(schedule_id).pause(note=reason.value))

    async def resume(self, schedule_id: str) -> None:
        """Go on, from now."""
        await _asked(self._handle(schedule_id).unpause(note="resumed"))

    async def trigger(self, schedule_id: str) -> None:
        """Cast now, whatever overlaps."""
        overlap = ScheduleOverlapPolicy.ALLOW_ALL
        await _asked(self._handle(schedule_id).trigger(overlap=overlap))

    async def delete(self, schedule_id: str) -> None:
        """Stop for good; a clock that is gone has stopped."""
        await _unless_gone(self._handle(schedule_id).delete())

    async def next_times(self, schedule_id: str) -> list[datetime]:
        """When it casts next; empty while its clock is not there."""
        try:
            description = await _asked(self._handle(schedule_id).describe())
        except SpellError as error:
            if error.code != "SCHEDULE_NOT_FOUND":
                raise
            return []
        return list(description.info.next_action_times)

    async def times_between(
        self, schedule_id: str, begin: datetime, end: datetime
    ) -> list[datetime]:
        """The schedule's times in a range, both ends included."""
        # Temporal leaves the begin out here, and not when it fills in.
        begin -= timedelta(milliseconds=1)
        request = ListScheduleMatchingTimesRequest(
            namespace=self._client.namespace,
            schedule_id=schedule_id,
            start_time=_stamp(begin),
            end_time=_stamp(end),
        )
        answer = await _asked(self._client.workflow_service.list_schedule_matching_times(request))
        return [stamp.ToDatetime(UTC) for stamp in answer.start_time]

    async def backfill(self, schedule_id: str, begin: datetime, end: datetime) -> None:
        """Cast for every time in a range, all at once; what was cast is not cast again."""
        overlap = ScheduleOverlapPolicy.ALLOW_ALL
        fill = ScheduleBackfill(start_at=begin, end_at=end, overlap=overlap)
        await _asked(self._handle(schedule_id).backfill(fill))

    def _handle(self, schedule_id: str) -> ScheduleHandle:
        return self._client.get_schedule_handle(schedule_id)


async def _asked(call: Awaitable[_T]) -> _T:
    """The answer of Temporal, its trouble in our words."""
    try:
        return await call
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise SpellError("SCHEDULE_NOT_FOUND") from error
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            raise SpellError("VALIDATION_ERROR", "The schedule's times are not valid.") from error
        raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error


async def _unless_gone(call: Awaitable[None]) -> None:
    try:
        await _asked(call)
    except SpellError as error:
        if error.code != "SCHEDULE_NOT_FOUND":
            raise


def _spec(timing: Timing) -> ScheduleSpec:
    intervals = []
    if timing.every_seconds is not None:
        intervals = [ScheduleIntervalSpec(every=timedelta(seconds=timing.every_seconds))]
    return ScheduleSpec(
        cron_expressions=[timing.cron] if timing.cron is not None else [],
        intervals=intervals,
        start_at=timing.starts_at,
        end_at=timing.ends_at,
        jitter=timedelta(seconds=timing.jitter_seconds) if timing.jitter_seconds else None,
        time_zone_name=timing.time_zone,
    )


def _policy(timing: Timing) -> SchedulePolicy:
    return SchedulePolicy(
        overlap=_OVERLAPS[timing.overlap],
        catchup_window=timedelta(seconds=timing.catchup_seconds),
    )


def _stamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
