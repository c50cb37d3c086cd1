"""The time that a maker has to mend a version, as a durable timer."""

from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.clocks import ClockActivities
    from schema.contracts.aftercare import (
        ClockMoment,
        ClockResult,
        ClockState,
        Reminder,
        VersionRef,
    )
    from workflows import _policies as policies

REMINDER_DAYS = (7, 1)


@workflow.defn(name="advisory_clock")
class AdvisoryClock:
    """Wait until the findings of a version are due; remind before, delist after.

    Id: `advisory-clock:<spell key>:<version>`; one for each version, started anew when needed.
    Messages: `findings_changed` (signal: look again at what there is to wait for).
    Undo: none needed; each step is one transaction, and harmless when repeated.
    Never: delists what the verdict of that moment does not refuse, or what is not due.
    See docs/workflows/advisory_clock.md.
    """

    def __init__(self) -> None:
        self._changed = False

    @workflow.run
    async def run(self, version: VersionRef) -> ClockResult:
        """Wait for the first due time, as long as there is one."""
        passed = workflow.now()
        while True:
            due_at = await self._due_at(version)
            if due_at is None:
                workflow.set_current_details("nothing is open")
                return ClockResult(delisted=False)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(version)
            moment = _next_moment(due_at, max(passed, workflow.now()))
            if not await self._waited_until(moment):
                continue
            passed = max(passed, moment)
            if moment < due_at:
                await self._remind(version, due_at, moment)
            elif (await self._expire(version, due_at)).delisted:
                workflow.set_current_details("**delisted**")
                return ClockResult(delisted=True)

    async def _due_at(self, version: VersionRef) -> datetime | None:
        """When the first open finding is due, as of the newest change."""
        while True:
            self._changed = False
            state: ClockState = await workflow.execute_activity_method(
                ClockActivities.state, version, **policies.AFTERCARE
            )
            if not self._changed:
                return state.due_at

    async def _waited_until(self, moment: datetime) -> bool:
        """Sleep; False when something changed before."""
        workflow.set_current_details(f"waits until {moment:%Y-%m-%d %H:%M} UTC")
        left = max(moment - workflow.now(), timedelta(0))
        try:
            await workflow.wait_condition(lambda: self._changed, timeout=left)
        except TimeoutError:
            return True
        return False

    async def _remind(self, version: VersionRef, due_at: datetime, moment: datetime) -> None:
        days_left = (due_at - moment).days
        await workflow.execute_activity_method(
            ClockActivities.remind,
            Reminder(**version.model_dump(), due_at=due_at, days_left=days_left),
            summary=f"{days_left} days left",
            **policies.AFTERCARE,
        )

    async def _expire(self, version: VersionRef, due_at: datetime) -> ClockResult:
        result: ClockResult = await workflow.execute_activity_method(
            ClockActivities.expire,
            ClockMoment(**version.model_dump(), at=due_at),
            summary="the time is up",
            **policies.AFTERCARE,
        )
        return result

    @workflow.signal(name="findings_changed")
    def findings_changed(self) -> None:
        """Look again: a finding was opened or closed, or the version was yanked."""
        self._changed = True


def _next_moment(due_at: datetime, now: datetime) -> datetime:
    """The next reminder that is still ahead, or else the due time."""
    reminders = [due_at - timedelta(days=days) for days in REMINDER_DAYS]
    return min((moment for moment in reminders if moment > now), default=due_at)
