"""GitHub's half of a cast, scripted: the check, and a child workflow that answers or waits."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import Interceptor, Worker

with workflow.unsafe.imports_passed_through():
    from schema.contracts.actions import ActionsOrder
    from schema.contracts.cast import RunOutcome
    from schema.contracts.plans import ActionsLimits, ActionsPlan, ActionsTarget, Dispatch, Mode
    from schema.contracts.problem import Problem
    from schema.contracts.run import Outcome
    from schema.errors import SpellError
    from schema.names import GITHUB_TASK_QUEUE
    from schema.pricing import MeteredPrice, UnitPrices, usage_of_time

_SOON = timedelta(seconds=10)
TIMEOUT_MS = 60_000
RAN_MS = 2_000
BY_TIME = MeteredPrice(
    model="metered", currency="USD", base_micros=100, unit_micros=UnitPrices(compute_ms=1)
)
TARGET = ActionsTarget(
    repo="acme/report",
    workflow="spell.yml",
    ref="main",
    dispatch=Dispatch.WORKFLOW,
    limits=ActionsLimits(timeout_ms=TIMEOUT_MS),
)
ON_ACTIONS: dict[str, Any] = {
    "mode": Mode.WORKFLOW,
    "modes": [Mode.WORKFLOW],
    "actions": TARGET,
    "price": BY_TIME,
}
"""What a package is that runs on GitHub Actions only."""
ACTIONS_FIRST = {**ON_ACTIONS, "modes": [Mode.WORKFLOW, Mode.SERVICE], "fallback": Mode.SERVICE}
SERVICE_FIRST = {
    **ON_ACTIONS,
    "mode": Mode.SERVICE,
    "modes": [Mode.SERVICE, Mode.WORKFLOW],
    "fallback": Mode.WORKFLOW,
}


def ended(code: str | None = None, *, ran_ms: int | None = RAN_MS) -> RunOutcome:
    """How a run ended: with a success, or with a code and, unless nothing ran, its use."""
    usage = None if ran_ms is None else usage_of_time(ran_ms)
    if code is None:
        return RunOutcome(outcome=Outcome.SUCCEEDED, usage=usage)
    outcomes = {"TIME_EXCEEDED": Outcome.TIMED_OUT, "CAST_CANCELLED": Outcome.CANCELLED}
    problem = Problem.of(SpellError(code))
    return RunOutcome(outcome=outcomes.get(code, Outcome.FAILED), problem=problem, usage=usage)


@workflow.defn(name="run_actions")
class ScriptedRunActions:
    """Answers as the script says; where it says nothing, waits to be stopped."""

    def __init__(self) -> None:
        self._stop: Problem | None = None

    @workflow.run
    async def run(self, order: ActionsOrder) -> RunOutcome:
        outcome: RunOutcome | None = await workflow.execute_local_activity(
            "scripted.outcome",
            order,
            result_type=RunOutcome | None,  # type: ignore[arg-type]
            start_to_close_timeout=_SOON,
        )
        if outcome is not None:
            return outcome
        await workflow.wait_condition(lambda: self._stop is not None)
        return ended("CAST_CANCELLED")

    @workflow.signal(name="stop")
    def stop(self, problem: Problem) -> None:
        self._stop = problem


@dataclass
class ScriptedGitHub:
    """A worker of the queue `github`.

    Args:
        client: of the Temporal to run on.
        refusal: the code that the check refuses with.
        script: what comes of a run; None lets it go on until it is stopped.
        before: what happens first.
    """

    client: Client
    refusal: str | None = None
    script: Callable[[ActionsOrder], RunOutcome | None] = lambda _: ended()
    interceptors: list[Interceptor] = field(default_factory=list)
    before: Callable[[str], Awaitable[None]] | None = None
    checked: list[ActionsPlan] = field(default_factory=list)
    orders: list[ActionsOrder] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ordered = asyncio.Event()
        self.worker = Worker(
            self.client,
            task_queue=GITHUB_TASK_QUEUE,
            workflows=[ScriptedRunActions],
            activities=[self.check, self.outcome],
            interceptors=self.interceptors,
        )

    @activity.defn(name="actions.check")
    async def check(self, plan: ActionsPlan) -> None:
        self.checked.append(plan)
        if self.refusal is not None:
            problem = Problem.of(SpellError(self.refusal)).model_dump(mode="json")
            raise ApplicationError("no", problem, type=self.refusal, non_retryable=True)

    @activity.defn(name="scripted.outcome")
    async def outcome(self, order: ActionsOrder) -> RunOutcome | None:
        self.orders.append(order)
        self._ordered.set()
        if self.before is not None:
            await self.before(order.cast_id)
        return self.script(order)

    async def until_ordered(self) -> None:
        """Wait until a run has been asked for."""
        await asyncio.wait_for(self._ordered.wait(), 20)
