"""The signal `revoke` at awkward moments, and what else must not run a revoked spell."""

from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from infra.postgres import Database
from schema.contracts.cast import Billing, CastStatus
from schema.contracts.problem import Problem
from schema.contracts.replay import ReplayInput
from schema.errors import SpellError
from tests.support.builders import METERED, Person, a_cast, make_person, publish
from tests.support.money import assert_books_balance, credit_left, open_holds
from tests.support.platform import CastingPlatform, admit, cancel
from tests.support.revoking import revoked_by

CREDIT = 10_000
BAD = Problem.of(SpellError("SPELL_REVOKED", details={"revocation": 1, "kind": "spell"}))


async def given_spell_and_caster(database: Database) -> tuple[Any, Person, Person]:
    maker = await make_person(database)
    spell = await publish(database, maker, price=METERED)
    return spell, maker, await make_person(database, credit_micros=CREDIT)


async def is_uncharged(database: Database, caster: Person) -> None:
    assert await open_holds(database, caster) == 0
    assert await credit_left(database, caster) == CREDIT
    await assert_books_balance(database)


async def test_a_cast_that_is_revoked_before_its_admission_does_not_run(
    client: Client, database: Database
) -> None:
    spell, _, caster = await given_spell_and_caster(database)
    platform = CastingPlatform(client, database)
    handle = await platform.start(a_cast(caster, spell.spell_key))
    await handle.signal("revoke", BAD)
    async with platform.worker:
        ended = await handle.result()
    assert (ended.status, ended.billing) == (CastStatus.FAILED, Billing.RELEASED)
    assert ended.problem == BAD
    assert platform.bus.published == []
    await is_uncharged(database, caster)


@pytest.mark.parametrize("first", ["cancel", "revoke"])
async def test_a_cast_that_is_cancelled_and_revoked_costs_nothing(
    client: Client, database: Database, first: str
) -> None:
    """A metered run that is only cancelled would be paid for its use so far."""
    spell, _, caster = await given_spell_and_caster(database)
    platform = CastingPlatform(client, database, script=lambda _: None)
    request = a_cast(caster, spell.spell_key)
    async with platform.worker:
        handle = await platform.start(request)
        await admit(handle, request)
        await platform.bus.until_published(request.cast_id)
        if first == "cancel":
            platform.bus.before_stop = lambda: handle.signal("revoke", BAD)
            answer = await cancel(handle)
        else:
            await handle.signal("revoke", BAD)
            answer = await cancel(handle)
        ended = await handle.result()
    assert not answer.accepted
    assert (ended.status, ended.billing, ended.problem) == (
        CastStatus.FAILED,
        Billing.RELEASED,
        BAD,
    )
    await is_uncharged(database, caster)


async def test_a_second_signal_changes_nothing(client: Client, database: Database) -> None:
    spell, _, caster = await given_spell_and_caster(database)
    platform = CastingPlatform(client, database, script=lambda _: None)
    request = a_cast(caster, spell.spell_key)
    other = BAD.model_copy(update={"message": "another"})
    async with platform.worker:
        handle = await platform.start(request)
        await platform.bus.until_published(request.cast_id)
        await handle.signal("revoke", BAD)
        await handle.signal("revoke", other)
        ended = await handle.result()
    assert ended.problem == BAD
    await is_uncharged(database, caster)


async def test_a_revoked_spell_is_not_replayed(client: Client, database: Database) -> None:
    spell, maker, caster = await given_spell_and_caster(database)
    platform = CastingPlatform(client, database)
    request = a_cast(caster, spell.spell_key)
    async with platform.worker:
        await (await platform.start(request)).result()
        await platform.apply(revoked_by(spell, maker, "spell"))
        replay = await platform.start_replay(ReplayInput(cast_id=request.cast_id, inputs_json="{}"))
        with pytest.raises(WorkflowFailureError) as refused:
            await replay.result()
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "SPELL_REVOKED"
    assert platform.bus.published == [request.cast_id]
