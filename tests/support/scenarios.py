"""One run of every workflow for every way it can end: recorded as histories, replayed in CI."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from infra.postgres import Database
from schema.contracts.problem import Problem
from schema.contracts.replay import ReplayInput
from schema.contracts.run import Outcome
from schema.errors import SpellError
from tests.support.actions_scenarios import ACTIONS_SCENARIOS
from tests.support.aftercare_scenarios import AFTERCARE_SCENARIOS
from tests.support.artifacts import ScriptedTidying
from tests.support.builders import METERED, a_cast, a_package, make_person, publish
from tests.support.interceptors import StepFaults
from tests.support.mode_scenarios import MODE_SCENARIOS
from tests.support.platform import CastingPlatform, admit, cancel, verdict_for
from tests.support.publishing import ScriptedPublishing
from tests.support.purchase_scenarios import PURCHASE_SCENARIOS
from tests.support.revoking import revoked_by
from tests.support.scheduling import SCHEDULING_SCENARIOS
from tests.support.sealing import ScriptedSealing
from tests.support.stripe_scenarios import STRIPE_SCENARIOS
from tests.support.webhook_scenarios import WEBHOOK_SCENARIOS

Handle = WorkflowHandle[Any, Any]
Scenario = Callable[[Client, Database], Awaitable[Handle]]


async def _cast(client: Client, database: Database, **options: Any) -> Handle:
    """Run a cast to its end; `cancel` stops it by update, `terminate` by the operator's cancel."""
    stop = options.pop("stop", None)
    change = options.pop("change", {})
    maker = await make_person(database)
    spell = await publish(database, maker, price=METERED)
    caster = await make_person(database, credit_micros=10_000)
    platform = CastingPlatform(client, database, **options)
    request = a_cast(caster, spell.spell_key, **change)
    async with platform.worker:
        handle = await platform.start(request)
        if stop is not None:
            await admit(handle, request)
            await platform.bus.until_published(request.cast_id)
            await stop(handle)
        with suppress(WorkflowFailureError):
            await handle.result()
    return handle


async def cast_succeeded(client: Client, database: Database) -> Handle:
    return await _cast(client, database)


async def cast_refused(client: Client, database: Database) -> Handle:
    return await _cast(client, database, change={"budget_cap_micros": 1})


async def cast_failed_by_the_spell(client: Client, database: Database) -> Handle:
    return await _cast(
        client,
        database,
        script=lambda r: verdict_for(r, outcome=Outcome.FAILED, code="SPELL_TRAPPED"),
    )


async def cast_cancelled_by_the_caller(client: Client, database: Database) -> Handle:
    async def stop(handle: Handle) -> None:
        await cancel(handle)

    return await _cast(client, database, script=lambda _: None, stop=stop)


async def cast_cancelled_by_the_operator(client: Client, database: Database) -> Handle:
    async def stop(handle: Handle) -> None:
        await handle.cancel()

    return await _cast(client, database, script=lambda _: None, stop=stop)


async def cast_compensated(client: Client, database: Database) -> Handle:
    faults = StepFaults(fail_after=frozenset({"running.run"}))
    return await _cast(client, database, interceptors=[faults])


async def cast_revoked(client: Client, database: Database) -> Handle:
    async def stop(handle: Handle) -> None:
        problem = Problem.of(SpellError("SPELL_REVOKED", details={"revocation": 1}))
        await handle.signal("revoke", problem)

    return await _cast(client, database, script=lambda _: None, stop=stop)


async def _apply(client: Client, database: Database, *, lift: bool = False) -> Handle:
    """Revoke a spell with a cast under way; the history is the revocation's, or its lifting's."""
    maker = await make_person(database)
    spell = await publish(database, maker, price=METERED)
    caster = await make_person(database, credit_micros=10_000)
    platform = CastingPlatform(client, database, script=lambda _: None)
    request = a_cast(caster, spell.spell_key)
    revocation = revoked_by(spell, maker, "spell")
    async with platform.worker:
        cast = await platform.start(request)
        await platform.bus.until_published(request.cast_id)
        handle = await platform.start_revocation(revocation)
        await handle.result()
        await cast.result()
        if lift:
            handle = await platform.start_revocation(revocation.model_copy(update={"lift": True}))
            await handle.result()
    return handle


async def revocation_applied(client: Client, database: Database) -> Handle:
    return await _apply(client, database)


async def revocation_lifted(client: Client, database: Database) -> Handle:
    return await _apply(client, database, lift=True)


async def revocation_refused(client: Client, database: Database) -> Handle:
    """Lifting what never was revoked."""
    maker = await make_person(database)
    revocation = revoked_by(a_package(key="com.example.never"), maker, "spell")
    platform = CastingPlatform(client, database)
    async with platform.worker:
        lifting = revocation.model_copy(update={"lift": True})
        handle = await platform.start_revocation(lifting)
        with suppress(WorkflowFailureError):
            await handle.result()
    return handle


async def _replay(client: Client, database: Database, inputs: str, **options: Any) -> Handle:
    """Run a cast and replay it; the history is the replay's."""
    spell = await publish(database, await make_person(database), price=METERED)
    caster = await make_person(database, credit_micros=10_000)
    platform = CastingPlatform(client, database, **options)
    request = a_cast(caster, spell.spell_key)
    async with platform.worker:
        await (await platform.start(request)).result()
        order = ReplayInput(cast_id=request.cast_id, inputs_json=inputs)
        handle = await platform.start_replay(order)
        with suppress(WorkflowFailureError):
            await handle.result()
    return handle


async def replay_succeeded(client: Client, database: Database) -> Handle:
    return await _replay(client, database, "{}")


async def replay_refused(client: Client, database: Database) -> Handle:
    return await _replay(client, database, '{"other":1}')


async def replay_compensated(client: Client, database: Database) -> Handle:
    faults = StepFaults(fail_after=frozenset({"replaying.run"}))
    return await _replay(client, database, "{}", interceptors=[faults])


async def _publish(client: Client, **refuse: str) -> Handle:
    """Publish with steps that only answer; `refuse` names a step and the code of its refusal."""
    platform = ScriptedPublishing(client, refuse)
    async with platform.worker:
        handle = await platform.start()
        await handle.result()
    return handle


async def publish_succeeded(client: Client, database: Database) -> Handle:
    del database
    return await _publish(client)


async def publish_refused(client: Client, database: Database) -> Handle:
    del database
    return await _publish(client, module="MODULE_INVALID")


async def publish_unverified(client: Client, database: Database) -> Handle:
    del database
    return await _publish(client, sbom="SBOM_MISSING")


async def tidy_artifacts_succeeded(client: Client, database: Database) -> Handle:
    del database
    tidying = ScriptedTidying([3, 0])
    async with tidying.worker(client):
        handle = await tidying.start(client)
        await handle.result()
    return handle


async def ledger_sealed(client: Client, database: Database) -> Handle:
    del database
    sealing = ScriptedSealing([5, 2])
    async with sealing.worker(client):
        handle = await sealing.start(client)
        await handle.result()
    return handle


SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        cast_succeeded,
        cast_refused,
        cast_failed_by_the_spell,
        cast_cancelled_by_the_caller,
        cast_cancelled_by_the_operator,
        cast_compensated,
        cast_revoked,
        revocation_applied,
        revocation_lifted,
        revocation_refused,
        replay_succeeded,
        replay_refused,
        replay_compensated,
        publish_succeeded,
        publish_refused,
        publish_unverified,
        tidy_artifacts_succeeded,
        ledger_sealed,
        *AFTERCARE_SCENARIOS,
        *ACTIONS_SCENARIOS,
        *MODE_SCENARIOS,
        *WEBHOOK_SCENARIOS,
        *PURCHASE_SCENARIOS,
        *STRIPE_SCENARIOS,
        *SCHEDULING_SCENARIOS,
    )
}
