"""Goal: no failure of a cast on GitHub Actions leaves a trace in money, either.

Method: the matrices of `test_unwinding.py` over the steps that only other modes have.
"""

from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError

from infra.postgres import Database
from schema.contracts.cast import Billing
from schema.ids import actions_workflow_id
from tests.support.actions import (
    ACTIONS_FIRST,
    ON_ACTIONS,
    SERVICE_FIRST,
    ScriptedGitHub,
    ended,
)
from tests.support.builders import Person, a_cast, make_person, publish
from tests.support.interceptors import StepFaults
from tests.support.money import assert_books_balance, credit_left, open_holds
from tests.support.platform import CastingPlatform

CREDIT = 1_000_000
ON_ACTIONS_STEPS = ("casting.admit", "casting.hold_checked", "billing.settle")
ON_GITHUB_STEPS = ("actions.check", "scripted.outcome")
TO_ACTIONS_STEPS = ("casting.fall_back", "scripted.outcome")
TO_SERVICE_STEPS = ("casting.fall_back", "running.run")


async def given(database: Database, package: dict[str, Any]) -> tuple[str, Person]:
    spell = await publish(database, await make_person(database), **package)
    return spell.spell_key, await make_person(database, credit_micros=CREDIT)


def scene(
    client: Client, database: Database, package: dict[str, Any], faults: StepFaults
) -> tuple[CastingPlatform, ScriptedGitHub]:
    """Both workers with the faults; of a spell that falls back, nobody takes the first run."""
    platform = CastingPlatform(client, database, interceptors=[faults])
    github = ScriptedGitHub(client, interceptors=[faults])
    if package is SERVICE_FIRST:
        platform = CastingPlatform(
            client, database, lambda _: None, interceptors=[faults], queue_seconds=0
        )
    if package is ACTIONS_FIRST:
        github.script = lambda _: ended("QUEUE_TIMEOUT", ran_ms=None)
    return platform, github


CASES = [
    *((ON_ACTIONS, step) for step in (*ON_ACTIONS_STEPS, *ON_GITHUB_STEPS)),
    *((SERVICE_FIRST, step) for step in TO_ACTIONS_STEPS),
    *((ACTIONS_FIRST, step) for step in TO_SERVICE_STEPS),
]
NAMES = [f"{package['mode']}-{step}" for package, step in CASES]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("package", "step"), CASES, ids=NAMES)
async def test_failure_at_each_step_leaves_no_trace(
    client: Client, database: Database, package: dict[str, Any], step: str, when: str
) -> None:
    key, caster = await given(database, package)
    faults = StepFaults(**{f"fail_{when}": frozenset({step})})
    platform, github = scene(client, database, package, faults)
    async with platform.worker, github.worker:
        with pytest.raises(WorkflowFailureError):
            await (await platform.start(a_cast(caster, key))).result()
    assert faults.ran[step] == 1, "it must fail where it was told to"
    assert faults.ran["billing.release"] == 1
    assert await open_holds(database, caster) == 0
    # A settlement that happened before its answer was lost stays: the spell ran and is paid once.
    settled = step == "billing.settle" and when == "after"
    assert (await credit_left(database, caster) < CREDIT) is settled
    await assert_books_balance(database)


@pytest.mark.parametrize(("package", "step"), CASES, ids=NAMES)
async def test_each_step_twice_equals_once(
    client: Client, database: Database, package: dict[str, Any], step: str
) -> None:
    key, caster = await given(database, package)
    platform, github = scene(client, database, package, StepFaults(twice=frozenset({step})))
    async with platform.worker, github.worker:
        result = await (await platform.start(a_cast(caster, key))).result()
    assert result.billing is Billing.SETTLED
    assert await credit_left(database, caster) == CREDIT - result.cost_micros
    assert await open_holds(database, caster) == 0
    await assert_books_balance(database)


@pytest.mark.parametrize(("package", "step"), CASES, ids=NAMES)
async def test_each_undo_twice_equals_once(
    client: Client, database: Database, package: dict[str, Any], step: str
) -> None:
    key, caster = await given(database, package)
    undos = frozenset({"running.stop", "billing.release"})
    faults = StepFaults(fail_before=frozenset({step}), twice=undos)
    platform, github = scene(client, database, package, faults)
    async with platform.worker, github.worker:
        with pytest.raises(WorkflowFailureError):
            await (await platform.start(a_cast(caster, key))).result()
    assert await credit_left(database, caster) == CREDIT
    assert await open_holds(database, caster) == 0
    await assert_books_balance(database)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_check_of_the_fallback_that_fails_leaves_the_first_end(
    client: Client, database: Database, when: str
) -> None:
    """No runner took it, and nobody knows of GitHub: what is known stands, and costs nothing."""
    key, caster = await given(database, SERVICE_FIRST)
    faults = StepFaults(**{f"fail_{when}": frozenset({"actions.check"})})
    platform, github = scene(client, database, SERVICE_FIRST, faults)
    async with platform.worker, github.worker:
        result = await (await platform.start(a_cast(caster, key))).result()
    assert faults.ran["actions.check"] == 1
    assert result.problem is not None
    assert (result.problem.code, result.cost_micros) == ("QUEUE_TIMEOUT", 0)
    assert github.orders == []
    assert await credit_left(database, caster) == CREDIT
    assert await open_holds(database, caster) == 0
    await assert_books_balance(database)


async def test_a_run_that_an_operator_cancels_behind_the_casts_back_costs_nothing(
    client: Client, database: Database
) -> None:
    """One that is terminated: `tests/integration/test_casts_and_their_runs.py`."""
    key, caster = await given(database, ON_ACTIONS)
    platform = CastingPlatform(client, database)
    github = ScriptedGitHub(client, script=lambda _: None)
    request = a_cast(caster, key)
    async with platform.worker, github.worker:
        cast = await platform.start(request)
        await github.until_ordered()
        child = client.get_workflow_handle(actions_workflow_id(request.cast_id))
        await child.cancel()
        with pytest.raises(WorkflowFailureError):
            await cast.result()
    assert await credit_left(database, caster) == CREDIT
    assert await open_holds(database, caster) == 0
    await assert_books_balance(database)
