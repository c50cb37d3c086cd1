"""One time of a schedule: a cast, and the wait for its end."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from activities.scheduling import SchedulingActivities
    from schema.contracts.schedules import ScheduledTime, ScheduleRef, ScheduleRun
    from workflows import _policies as policies

# Set by Temporal on what a schedule starts; the same in every attempt.
_SCHEDULED_AT = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
_LOOK_AFTER_MIN = timedelta(seconds=2)
_LOOK_AFTER_MAX = timedelta(minutes=1)


@workflow.defn(name="cast_on_schedule")
class CastOnSchedule:
    """Cast once for one time of a schedule; where overlap matters, stay open as long as the cast.

    Id: `cast-on-schedule:<schedule_id>-<time>`, given by the schedule.
    Messages: none.
    Undo: none needed; the cast undoes itself.
    Never: casts twice for one time, whatever dies: the cast's id comes of schedule and time.
    See docs/workflows/cast_on_schedule.md.
    """

    @workflow.run
    async def run(self, schedule: ScheduleRef) -> ScheduleRun:
        """Cast, wait, report."""
        time = ScheduledTime(schedule_id=schedule.schedule_id, scheduled_at=_scheduled_at())
        run: ScheduleRun = await workflow.execute_activity_method(
            SchedulingActivities.cast, time, **policies.CAST_ON_SCHEDULE
        )
        if run.problem is not None:
            workflow.set_current_details(f"refused: {run.problem.code}")
        if run.awaited:
            await self._wait(run)
        return run

    async def _wait(self, run: ScheduleRun) -> None:
        """Until the cast has ended: looks ever further apart."""
        pause = _LOOK_AFTER_MIN
        while not await workflow.execute_activity_method(
            SchedulingActivities.has_ended, run, **policies.LOOK_AT_CAST
        ):
            await workflow.sleep(pause, summary="the cast runs")
            pause = min(pause * 2, _LOOK_AFTER_MAX)


def _scheduled_at() -> datetime:
    """The time that this run is for; its own start where somebody started it by hand."""
    attributes = workflow.info().typed_search_attributes
    return attributes.get(_SCHEDULED_AT, workflow.info().workflow_start_time)
