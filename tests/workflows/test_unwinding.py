"""Goal: no failure leaves a trace in money. Method: omicron's three matrices on `CastSpell`.

Fail at each step (before and after its effect), do each step twice, do each undo twice; the
activities are the real ones over real Postgres, and after every case the books are inspected.
"""

from contextlib import suppress

import pytest
from temporalio.client import Client, WorkflowFailureError

from infra.postgres import Database
from schema.contracts.cast import Billing, CastStatus
from schema.contracts.run import RunRequest, Verdict
from tests.support.builders import FLAT_500, Person, a_cast, make_person, publish
from tests.support.interceptors import StepFaults
from tests.support.money import assert_books_balance, credit_left, open_holds
from tests.support.platform import CastingPlatform, verdict_for

STEPS = ("casting.admit", "running.run", "billing.settle")
UNDOS = ("running.stop", "billing.release")
# Their matrix is in `test_mode_unwinding.py`.
IN_OTHER_MODES = ("casting.hold_checked", "casting.fall_back")
CREDIT = 10_000


async def given_spell_and_caster(database: Database) -> tuple[str, Person]:
    maker = await make_person(database)
    spell = await publish(database, maker)
    return spell.spell_key, await make_person(database, credit_micros=CREDIT)


def test_the_matrix_names_every_activity_of_the_workflow() -> None:
    from activities.billing import BillingActivities
    from activities.casting import CastingActivities
    from activities.running import RunningActivities

    named = {
        method.__temporal_activity_definition.name
        for area in (BillingActivities, CastingActivities, RunningActivities)
        for method in vars(area).values()
        if hasattr(method, "__temporal_activity_definition")
    }
    assert named == {*STEPS, *UNDOS, *IN_OTHER_MODES}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_failure_at_each_step_leaves_no_trace(
    client: Client, database: Database, step: str, when: str
) -> None:
    key, caster = await given_spell_and_caster(database)
    faults = StepFaults(**{f"fail_{when}": frozenset({step})})
    platform = CastingPlatform(client, database, interceptors=[faults])
    request = a_cast(caster, key)
    async with platform.worker:
        with pytest.raises(WorkflowFailureError):
            await (await platform.start(request)).result()
    assert faults.ran[step] == 1, "it must fail where it was told to"
    assert faults.ran["billing.release"] == 1
    # A settlement that happened before its answer was lost stays: the spell ran and is paid once.
    settled = step == "billing.settle" and when == "after"
    spent = FLAT_500.price_micros if settled else 0
    assert await credit_left(database, caster) == CREDIT - spent
    assert await open_holds(database, caster) == 0
    await assert_books_balance(database)


@pytest.mark.parametrize("step", STEPS)
async def test_each_step_twice_equals_once(client: Client, database: Database, step: str) -> None:
    key, caster = await given_spell_and_caster(database)
    faults = StepFaults(twice=frozenset({step}))
    platform = CastingPlatform(client, database, interceptors=[faults])
    async with platform.worker:
        result = await (await platform.start(a_cast(caster, key))).result()
    assert (result.status, result.billing) == (CastStatus.SUCCEEDED, Billing.SETTLED)
    assert len(platform.bus.published) == 1
    assert await credit_left(database, caster) == CREDIT - FLAT_500.price_micros
    assert await open_holds(database, caster) == 0
    await assert_books_balance(database)


@pytest.mark.parametrize("undo", UNDOS)
@pytest.mark.parametrize("step", STEPS)
async def test_each_undo_twice_equals_once(
    client: Client, database: Database, step: str, undo: str
) -> None:
    key, caster = await given_spell_and_caster(database)
    faults = StepFaults(fail_before=frozenset({step}), twice=frozenset({undo}))
    platform = CastingPlatform(client, database, interceptors=[faults])
    async with platform.worker:
        with pytest.raises(WorkflowFailureError):
            await (await platform.start(a_cast(caster, key))).result()
    assert await credit_left(database, caster) == CREDIT
    assert await open_holds(database, caster) == 0
    await assert_books_balance(database)


async def test_a_stop_that_fails_for_good_does_not_keep_the_hold_from_being_released(
    client: Client, database: Database
) -> None:
    key, caster = await given_spell_and_caster(database)
    faults = StepFaults(fail_before=frozenset({"running.run", "running.stop"}))
    platform = CastingPlatform(client, database, interceptors=[faults])
    async with platform.worker:
        with pytest.raises(WorkflowFailureError):
            await (await platform.start(a_cast(caster, key))).result()
    assert faults.ran["billing.release"] == 1
    assert await open_holds(database, caster) == 0


@pytest.mark.parametrize("moment", ["at once", "while running", "twice"])
async def test_cancelling_the_workflow_at_any_moment_leaves_no_trace(
    client: Client, database: Database, moment: str
) -> None:
    key, caster = await given_spell_and_caster(database)

    def never(request: RunRequest) -> Verdict | None:
        return None if moment != "at once" else verdict_for(request)

    platform = CastingPlatform(client, database, script=never)
    request = a_cast(caster, key)
    async with platform.worker:
        handle = await platform.start(request)
        if moment != "at once":
            await platform.bus.until_published(request.cast_id)
        await handle.cancel()
        if moment == "twice":
            await handle.cancel()
        with suppress(WorkflowFailureError):
            await handle.result()
    assert await open_holds(database, caster) == 0
    assert await credit_left(database, caster) in {CREDIT, CREDIT - FLAT_500.price_micros}
    await assert_books_balance(database)
