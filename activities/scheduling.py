"""Casts for the times of schedules, by the same code path as the API's."""

from dataclasses import dataclass

from temporalio import activity

from activities import schedule_ports as ports
from activities._failures import to_failure
from schema.contracts.cast import FINAL_STATUSES, Admission, CastInput
from schema.contracts.problem import Problem
from schema.contracts.schedules import (
    DueSchedule,
    Overlap,
    PauseReason,
    ScheduledTime,
    ScheduleRun,
)
from schema.errors import SpellError
from schema.ids import cast_id_for, keyed_digest, scheduled_cast_key

# What refuses this time for good. Anything else is the platform's trouble, and is retried.
_REFUSALS = frozenset({"TOO_MANY_CASTS", "IDEMPOTENCY_CONFLICT"})


@dataclass(frozen=True)
class SchedulingActivities:
    """Casts when schedules say so.

    Args:
        schedules: what is cast, and what came of it.
        clocks: stopped when a schedule pauses.
        casts: what is known of casts.
        casting: starts them.
        door: refuses what the platform could not serve soon.
    """

    schedules: ports.DueSchedules
    clocks: ports.PausedClocks
    casts: ports.CastReads
    casting: ports.Casting
    door: ports.Door

    @activity.defn(name="scheduling.cast")
    async def cast(self, time: ScheduledTime) -> ScheduleRun:
        """Cast what the schedule says for one of its times, and write down what came of it.

        Effect: the cast, its row in the schedule's runs; a paused schedule after refusals.
        Same twice: the cast's id comes of schedule and time, so there is one cast and one row.
        Gives up on: nothing; a refusal is recorded, and everything else waits for the platform.
        Heartbeat: none; seconds.
        """
        try:
            due = await self.schedules.due(time.schedule_id)
            if due is None:
                return ScheduleRun(**time.model_dump())
            run, pause = await self._run(due, time)
            paused = await self.schedules.record(run, pause)
            if paused is not None and run.problem is not None:
                await self.clocks.pause(time.schedule_id, paused)
        except SpellError as error:
            raise to_failure(error) from error
        return run

    @activity.defn(name="scheduling.has_ended")
    async def has_ended(self, run: ScheduleRun) -> bool:
        """Whether the cast of a run has ended.

        Effect: none.
        Same twice: it reads.
        Gives up on: nothing.
        Heartbeat: none.
        """
        assert run.account_id is not None, "only a run with a cast is awaited"
        assert run.cast_id is not None, "only a run with a cast is awaited"
        view = await self.casts.cast(run.account_id, run.cast_id)
        return view is None or view.status in FINAL_STATUSES

    async def _run(
        self, due: DueSchedule, time: ScheduledTime
    ) -> tuple[ScheduleRun, PauseReason | None]:
        request = _request(due, time)
        recorded = await self.casts.admission(request.cast_id)
        if recorded is not None:
            return _run_of(due, time, recorded[1]), None
        if not due.key_is_live:
            message = "The API key that made the schedule is not live any more, or may not cast."
            problem = Problem.of(SpellError("UNAUTHORIZED", message))
            return _refused(due, time, problem), PauseReason.KEY_NOT_LIVE
        try:
            await self.door.check(due.account_id)
            return _run_of(due, time, await self.casting.admit(request)), None
        except SpellError as error:
            if error.code not in _REFUSALS:
                raise
            return _refused(due, time, Problem.of(error)), None


def _request(due: DueSchedule, time: ScheduledTime) -> CastInput:
    """The cast of this time; the same id and fingerprint, whatever has been changed meanwhile."""
    key = scheduled_cast_key(time.schedule_id, time.scheduled_at)
    return CastInput(
        cast_id=cast_id_for(due.account_id, due.cast_secret, key),
        account_id=due.account_id,
        api_key_id=due.api_key_id,
        fingerprint=keyed_digest(due.cast_secret, b"fingerprint", key.encode("utf-8")),
        inputs_json=due.inputs_json,
        **due.spell.model_dump(),
    )


def _run_of(due: DueSchedule, time: ScheduledTime, admission: Admission) -> ScheduleRun:
    return ScheduleRun(
        schedule_id=time.schedule_id,
        scheduled_at=time.scheduled_at,
        account_id=due.account_id,
        cast_id=admission.cast_id,
        problem=admission.problem,
        awaited=admission.accepted and due.overlap is not Overlap.ALLOW_ALL,
    )


def _refused(due: DueSchedule, time: ScheduledTime, problem: Problem) -> ScheduleRun:
    return ScheduleRun(
        schedule_id=time.schedule_id,
        scheduled_at=time.scheduled_at,
        account_id=due.account_id,
        problem=problem,
    )
