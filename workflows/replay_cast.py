"""One replay of one cast on the platform, as a durable process."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.replaying import ReplayingActivities
    from activities.running import RunningActivities
    from schema.contracts.cast import StopOrder
    from schema.contracts.problem import Problem
    from schema.contracts.replay import ReplayInput, ReplayPlan, ReplayReport
    from workflows import _policies as policies
    from workflows._failures import problem_of, to_failure
    from workflows._saga import Saga


@workflow.defn(name="replay_cast")
class ReplayCast:
    """Run a cast again for its caster, uncharged, and say whether the same came out.

    Id: `replay:<cast_id>`; once per cast: a second request gets the first one's report.
    Messages: none; the result is the report.
    Undo: a run is stopped.
    Never: runs anything but the cast's own inputs under its own limits; touches money.
    See docs/workflows/replay_cast.md.
    """

    def __init__(self) -> None:
        self._saga = Saga()
        self._plan: ReplayPlan | None = None

    @workflow.run
    async def run(self, request: ReplayInput) -> ReplayReport:
        """Plan, run, compare; stop the run when the platform fails or an operator cancels."""
        workflow.set_current_details("planning")
        try:
            plan: ReplayPlan = await workflow.execute_activity_method(
                ReplayingActivities.plan, request, **policies.LOOK_UP
            )
            self._plan = plan
            report = await self._run(plan)
        except (asyncio.CancelledError, FailureError) as error:
            await self._saga.compensate(problem_of(error))
            if isinstance(error, FailureError):
                raise to_failure(problem_of(error)) from error
            raise
        workflow.set_current_details("the same" if report.matches else "**not the same**")
        return report

    async def _run(self, plan: ReplayPlan) -> ReplayReport:
        workflow.set_current_details(f"running {plan.plan.spell_key} {plan.plan.version} again")
        self._saga.undo_with(self._stop)
        report: ReplayReport = await workflow.execute_activity_method(
            ReplayingActivities.run,
            plan,
            summary=f"{plan.plan.spell_key} {plan.plan.version}",
            **policies.run_options(plan.plan.limits.timeout_ms),
        )
        return report

    async def _stop(self, problem: Problem) -> None:
        """Undo of the run."""
        assert self._plan is not None
        await workflow.execute_activity_method(
            RunningActivities.stop,
            StopOrder(cast_id=self._plan.run_id, module_digest=self._plan.plan.module_digest),
            summary=f"stop the run: {problem.code}",
            **policies.STOP,
        )
