"""How a cast executes, by mode: each is started once, can be stopped, and has one outcome."""

from collections.abc import Awaitable
from typing import Protocol

from temporalio import workflow
from temporalio.exceptions import FailureError
from temporalio.workflow import ChildWorkflowHandle, ParentClosePolicy

from activities.running import RunningActivities
from schema.contracts.actions import ActionsOrder
from schema.contracts.cast import CastInput, RunOrder, RunOutcome, StopOrder
from schema.contracts.plans import ActionsPlan, CastPlan, RunPlan
from schema.contracts.problem import Problem
from schema.ids import actions_workflow_id
from schema.names import GITHUB_TASK_QUEUE
from workflows import _policies as policies
from workflows._failures import problem_of

RUN_ACTIONS = "run_actions"
CHECK_ACTIONS = "actions.check"
STOP_SIGNAL = "stop"


class Execution(Protocol):
    """One run of a plan, in whatever mode."""

    async def start(self) -> None:
        """Ask for the run. Its `stop` has been registered before."""

    def done(self) -> bool:
        """Whether the outcome is there."""

    async def stop(self, problem: Problem) -> None:
        """Make it end now; harmless before it began and after it ended."""

    async def outcome(self) -> RunOutcome:
        """What came of it."""


def execution_of(request: CastInput, plan: CastPlan) -> Execution:
    """The run of a cast's plan."""
    if isinstance(plan, ActionsPlan):
        return ActionsExecution(request, plan)
    return ServiceExecution(request, plan)


async def check_actions(plan: ActionsPlan) -> Problem | None:
    """Why GitHub cannot run the plan now; None when it can. A cancel goes on as what it is."""
    try:
        await workflow.execute_activity(
            CHECK_ACTIONS,
            plan,
            task_queue=GITHUB_TASK_QUEUE,
            summary=f"{plan.repo} {plan.workflow}",
            **policies.ASK_GITHUB,
        )
    except FailureError as error:
        problem = problem_of(error)
        if problem.code == "CAST_CANCELLED":
            raise
        return problem
    return None


class ServiceExecution:
    """A run in the runner fleet: one activity, stopped by another one."""

    def __init__(self, request: CastInput, plan: RunPlan) -> None:
        self._request = request
        self._plan = plan
        self._run: workflow.ActivityHandle[RunOutcome] | None = None

    async def start(self) -> None:
        """Put the run on the queue and wait for its verdict."""
        self._run = workflow.start_activity_method(
            RunningActivities.run,
            RunOrder(
                cast_id=self._request.cast_id,
                plan=self._plan,
                inputs_json=self._request.inputs_json,
            ),
            summary=f"{self._plan.spell_key} {self._plan.version}",
            **policies.run_options(self._plan.limits.timeout_ms),
        )

    def done(self) -> bool:
        """Whether the verdict is there."""
        return self._run is not None and self._run.done()

    async def stop(self, problem: Problem) -> None:
        """Make sure that there is a verdict."""
        await workflow.execute_activity_method(
            RunningActivities.stop,
            StopOrder(cast_id=self._request.cast_id, module_digest=self._plan.module_digest),
            summary=f"stop the run: {problem.code}",
            **policies.STOP,
        )

    async def outcome(self) -> RunOutcome:
        """What the verdict says."""
        return await _started(self._run)


class ActionsExecution:
    """A run on GitHub Actions: a child workflow, stopped by a signal."""

    def __init__(self, request: CastInput, plan: ActionsPlan) -> None:
        self._request = request
        self._plan = plan
        self._child: ChildWorkflowHandle[object, RunOutcome] | None = None

    async def start(self) -> None:
        """Start the child that dispatches and follows the run."""
        self._child = await workflow.start_child_workflow(
            RUN_ACTIONS,
            ActionsOrder(
                cast_id=self._request.cast_id,
                plan=self._plan,
                inputs_json=self._request.inputs_json,
            ),
            id=actions_workflow_id(self._request.cast_id),
            task_queue=GITHUB_TASK_QUEUE,
            parent_close_policy=ParentClosePolicy.REQUEST_CANCEL,
            result_type=RunOutcome,
            static_summary=f"{self._plan.repo} {self._plan.workflow}",
        )

    def done(self) -> bool:
        """Whether the child has ended."""
        return self._child is not None and self._child.done()

    async def stop(self, problem: Problem) -> None:
        """Tell the child, and give GitHub a while to cancel what runs."""
        child = self._child
        if child is None or child.done():
            return
        try:
            await child.signal(STOP_SIGNAL, problem)
            await workflow.wait_condition(child.done, timeout=policies.ACTIONS_STOP)
        except FailureError:
            # It has ended by itself meanwhile.
            workflow.logger.info("there is no Actions run to stop any more")
        except TimeoutError:
            workflow.logger.warning("an Actions run does not stop; its workflow goes on with it")

    async def outcome(self) -> RunOutcome:
        """What the child made of the run."""
        return await _started(self._child)


async def _started(run: Awaitable[RunOutcome] | None) -> RunOutcome:
    assert run is not None, "an outcome is awaited of what was started"
    return await run
