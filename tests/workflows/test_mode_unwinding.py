"""Goal: no failure of a cast on GitHub Actions leaves a trace in money, either.

Method: the matrices of `test_unwinding.py` over the steps that only other modes have.
"""

from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError

from infra.postgres import Database
from schema.contracts.cast import Billing
from tests.support.actions import ON_ACTIONS, SERVICE_FIRST, ScriptedGitHub
from tests.support.builders import Person, a_cast, make_person, publish
from tests.support.interceptors import StepFaults
from tests.support.money import assert_books_balance, credit_left, open_holds
from tests.support.platform import CastingPlatform

CREDIT = 1_000_000
ON_ACTIONS_STEPS = ("casting.admit", "casting.hold_checked", "billing.settle")
ON_GITHUB_STEPS = ("scripted.outcome",)
FALLING_BACK_STEPS = ("casting.fall_back",)


async def given(database: Database, package: dict[str, Any]) -> tuple[str, Person]:
    spell = await publish(database, await make_person(database), **package)
    return spell.spell_key, await make_person(database, credit_micros=CREDIT)


def scene(
    client: Client, database: Database, package: dict[str, Any], faults: StepFaults
) -> tuple[CastingPlatform, ScriptedGitHub]:
    """Both workers with the faults; of a spell that falls back, no runner takes the run."""
    platform = CastingPlatform(client, database, interceptors=[faults])
    if package is SERVICE_FIRST:
        platform = CastingPlatform(
            client, database, lambda _: None, interceptors=[faults], queue_seconds=0
        )
    return platform, ScriptedGitHub(client, interceptors=[faults])


CASES = [
    *((ON_ACTIONS, step) for step in (*ON_ACTIONS_STEPS, *ON_GITHUB_STEPS)),
    *((SERVICE_FIRST, step) for step in FALLING_BACK_STEPS),
]
NAMES = [step for _, step in CASES]


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
