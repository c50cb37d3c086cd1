"""Revoking one thing that versions rest on, or lifting that, as a durable process."""

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.revoking import RevokingActivities
    from schema.contracts.revocation import (
        RecordedRevocation,
        Revocation,
        RevocationResult,
        StopCastsOrder,
        Sweep,
    )
    from workflows import _policies as policies
    from workflows._failures import problem_of, to_failure


@workflow.defn(name="apply_revocation")
class ApplyRevocation:
    """Bring a revocation, or its lifting, to the record, the runners and the casts under way.

    Id: `revoke:<digest of what>` or `lift:<digest of what>`; the same again joins it.
    Messages: none; the result says how many casts were stopped.
    Undo: none, on purpose: what is recorded stays in force, and a repetition goes on from there.
    Never: ends before every cast that it is to stop has ended; charges for one.
    See docs/workflows/apply_revocation.md.
    """

    @workflow.run
    async def run(self, revocation: Revocation) -> RevocationResult:
        """Record, tell the runners, stop the casts; the first step alone refuses and settles."""
        workflow.set_current_details("recording")
        try:
            recorded: RecordedRevocation = await workflow.execute_activity_method(
                RevokingActivities.record, revocation, **policies.RECORD_REVOCATION
            )
            packages = await self._tell_runners(recorded)
            stopped = await self._stop_casts(recorded) if recorded.in_force else 0
        except FailureError as error:
            raise to_failure(problem_of(error)) from error
        done = f"revoked: {stopped} casts stopped" if recorded.in_force else "lifted"
        workflow.set_current_details(f"{done}, {packages} digests told")
        return RevocationResult(
            id=recorded.id, in_force=recorded.in_force, packages=packages, casts_stopped=stopped
        )

    async def _tell_runners(self, recorded: RecordedRevocation) -> int:
        workflow.set_current_details(f"revocation {recorded.id}: telling the runners")
        told: int = await workflow.execute_activity_method(
            RevokingActivities.tell_runners, recorded, **policies.SPREAD_REVOCATION
        )
        return told

    async def _stop_casts(self, recorded: RecordedRevocation) -> int:
        """Look at the open casts until none of them falls under the revocation."""
        while True:
            sweep: Sweep = await workflow.execute_activity_method(
                RevokingActivities.stop_casts,
                StopCastsOrder(revocation=recorded),
                **policies.SPREAD_REVOCATION,
            )
            workflow.set_current_details(
                f"revocation {recorded.id}: {sweep.stopped} casts stopped, {sweep.left} stopping"
            )
            if sweep.left == 0:
                return sweep.stopped
