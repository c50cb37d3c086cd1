"""The net under a dispatch: a run that nobody waits for any more is cancelled when it appears."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.actions import ActionsActivities
    from schema.contracts.actions import LateRun, LateState
    from workflows import _policies as policies

# GitHub has shown dispatched runs minutes late; after an hour only a webhook still tells of one.
_PATIENCE = timedelta(hours=1)
_PAUSE_MIN, _PAUSE_MAX = timedelta(seconds=5), timedelta(minutes=2)


@workflow.defn(name="cancel_late_run")
class CancelLateRun:
    """Cancel one run on GitHub Actions whose cast has ended.

    Id: `late-run:<cast_id>`; started by `RunActions`, or for a delivery about such a run.
    Messages: none.
    Undo: none needed; it is itself the undo of a dispatch.
    Never: changes a cast or its money.
    See docs/workflows/cancel_late_run.md.
    """

    @workflow.run
    async def run(self, late: LateRun) -> LateState:
        """Look for it and cancel it, until it has ended or an hour has passed."""
        ends_at, pause = workflow.now() + _PATIENCE, _PAUSE_MIN
        state = await self._abandon(late)
        while state is not LateState.ENDED and workflow.now() < ends_at:
            await workflow.sleep(pause)
            pause = min(pause * 2, _PAUSE_MAX)
            state = await self._abandon(late)
        workflow.set_current_details(f"the late run is **{state.value}**")
        return state

    async def _abandon(self, late: LateRun) -> LateState:
        try:
            return await workflow.execute_activity_method(
                ActionsActivities.abandon, late, **policies.STOP_ACTIONS
            )
        except FailureError:
            workflow.logger.warning("GitHub could not be asked about a late run")
            return LateState.UNSEEN
