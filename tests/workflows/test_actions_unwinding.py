"""Goal: an Actions run is never left behind, nor dispatched twice. Method: omicron's matrices.

Fail at each step (before and after its effect), do each step twice, do the undo twice; the
activities are the real ones, and after every case GitHub and the record are looked at.
"""

from typing import Any

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from infra.postgres import Database
from schema.contracts.cast import RunOutcome
from schema.contracts.problem import Problem
from schema.contracts.run import Outcome
from schema.errors import SpellError
from tests.support.actions_platform import ActionsPlatform, ToldGitHub
from tests.support.interceptors import StepFaults

STEPS = ("actions.dispatch", "actions.look", "actions.collect")
UNDO = "actions.abandon"


@pytest.fixture
def client(fresh: WorkflowEnvironment) -> Client:
    """A clock of each test's own: what others leave open keeps a shared one from skipping."""
    return fresh.client


class Case:
    """One run through faults, and what it leaves."""

    def __init__(
        self, client: Client, database: Database, conclusion: str | None, **faults: Any
    ) -> None:
        self.github = ToldGitHub(conclusion)
        self.faults = StepFaults(**faults)
        self.platform = ActionsPlatform(
            client, database, self.github, interceptors=[self.faults], timeout_ms=60_000
        )
        self.order = self.platform.order()

    async def run(self) -> RunOutcome:
        return await self.platform.run(self.order)

    def assert_nothing_is_left(self) -> None:
        """One dispatch at most, no run that goes on, no inputs that somebody could fetch."""
        assert len(self.github.dispatched) <= 1
        goes_on = self.github.conclusion is None and not self.github.cancelled.is_set()
        assert not (self.github.dispatched and goes_on)
        assert f"casts/{self.order.cast_id}/run-inputs" not in self.platform.blobs.content


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["fail_before", "fail_after"])
async def test_a_step_that_fails_costs_nothing_and_leaves_nothing(
    client: Client, database: Database, step: str, when: str
) -> None:
    case = Case(client, database, None, **{when: frozenset({step})})
    ended = await case.run()
    assert case.faults.ran[step] >= 1
    assert (ended.outcome, ended.usage) == (Outcome.LOST, None)
    case.assert_nothing_is_left()


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_that_happens_twice_is_as_once(
    client: Client, database: Database, step: str
) -> None:
    case = Case(client, database, "success", twice=frozenset({step}))
    ended = await case.run()
    assert case.faults.ran[step] >= 1
    assert ended.outcome is Outcome.SUCCEEDED
    assert len(case.github.dispatched) == 1
    case.assert_nothing_is_left()


@pytest.mark.parametrize("when", ["fail_before", "fail_after", "twice"])
async def test_a_cancel_that_github_does_not_hear_or_hears_twice_ends_the_run(
    client: Client, database: Database, when: str
) -> None:
    case = Case(client, database, None, **{when: frozenset({"actions.cancel"})})
    ended = await case.run()
    assert ended.outcome is Outcome.TIMED_OUT
    case.assert_nothing_is_left()


async def test_an_undo_that_happens_twice_is_as_once(client: Client, database: Database) -> None:
    twice, failing = frozenset({UNDO}), frozenset({"actions.collect"})
    case = Case(client, database, None, twice=twice, fail_before=failing)
    await case.run()
    assert case.faults.ran[UNDO] >= 1
    case.assert_nothing_is_left()


async def test_a_stop_before_anything_began_asks_github_for_nothing(
    client: Client, database: Database
) -> None:
    case = Case(client, database, "success")
    platform = case.platform
    handle = await client.start_workflow(
        "run_actions",
        case.order,
        id=f"actions:{case.order.cast_id}",
        task_queue=platform.task_queue,
        result_type=RunOutcome,
        start_signal="stop",
        start_signal_args=[Problem.of(SpellError("CAST_CANCELLED"))],
    )
    async with platform.worker:
        ended = await handle.result()
    assert (ended.outcome, ended.usage) == (Outcome.CANCELLED, None)
    assert case.github.dispatched == []
