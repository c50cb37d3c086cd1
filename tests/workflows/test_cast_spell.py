"""The life of a cast: decisions of the workflow over real activities and real Postgres."""

import asyncio
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError, CancelledError

from infra.postgres import Database
from schema.blob_keys import resources_key
from schema.contracts.cast import Billing, CasterLimits, CastStatus
from schema.contracts.run import Outcome, RunPolicy, RunRequest, Verdict
from schema.ids import sha256_digest
from schema.packaging.tar_writing import write_tar
from schema.pricing import MeteredPrice, UnitPrices, worst_case_of
from tests.support.builders import (
    FLAT_500,
    LIMITS,
    METERED,
    USAGE,
    Person,
    a_cast,
    make_person,
    publish,
)
from tests.support.money import assert_books_balance, credit_left, open_holds
from tests.support.platform import CastingPlatform, admit, cancel, verdict_for
from workflows.cast_spell import CastSpell

CREDIT = 10_000


async def given_spell_and_caster(database: Database, **package: Any) -> tuple[str, Person]:
    maker = await make_person(database)
    spell = await publish(database, maker, **package)
    return spell.spell_key, await make_person(database, credit_micros=CREDIT)


async def test_a_cast_is_admitted_run_and_charged(client: Client, database: Database) -> None:
    key, caster = await given_spell_and_caster(database)
    platform = CastingPlatform(client, database)
    async with platform.worker:
        handle = await platform.start(a_cast(caster, key))
        result = await handle.result()
    assert (result.status, result.billing) == (CastStatus.SUCCEEDED, Billing.SETTLED)
    assert result.cost_micros == FLAT_500.price_micros
    assert await credit_left(database, caster) == CREDIT - FLAT_500.price_micros
    assert await open_holds(database, caster) == 0
    assert b'{"ok":true}' not in platform.blobs.content[f"casts/{result.cast_id}/output"]


async def test_a_casters_limits_lower_the_hold_and_bind_the_run(
    client: Client, database: Database
) -> None:
    """Limits above the spell's own change nothing; the charge stays within the lower hold."""
    price = MeteredPrice(
        model="metered", currency="USD", unit_micros=UnitPrices(fuel_million=10, egress_mb=100)
    )
    requests: list[RunRequest] = []

    def script(request: RunRequest) -> Verdict:
        requests.append(request)
        # More than the limits: a sandbox that lies is not paid for it.
        return verdict_for(request, usage=USAGE.model_copy(update={"fuel": LIMITS.fuel}))

    platform = CastingPlatform(client, database, script)
    key, caster = await given_spell_and_caster(database, price=price)
    wanted = CasterLimits(fuel=5_000_000, timeout_ms=300, memory_bytes_max=2**50)
    async with platform.worker:
        request = a_cast(caster, key, limits=wanted)
        handle = await platform.start(request)
        admission = await admit(handle, request)
        result = await handle.result()
    assert worst_case_of(price, LIMITS) == 1000 + 100
    assert admission.estimated_cost_micros == 50 + 100
    (run,) = requests
    assert run.limits == LIMITS.model_copy(update={"fuel": 5_000_000, "timeout_ms": 300})
    assert result.cost_micros == 50 + 100
    assert await credit_left(database, caster) == CREDIT - result.cost_micros
    await assert_books_balance(database)


async def test_module_and_resources_are_brought_to_the_runners_before_the_run(
    client: Client, database: Database
) -> None:
    """The runner fetches both by digest; it is told which in the run itself."""
    archive = write_tar({"resources/words.txt": b"words"})
    policy = RunPolicy(fs_read=["resources"], resources_digest=sha256_digest(archive))
    requests: list[tuple[RunRequest, set[str]]] = []

    def script(request: RunRequest) -> Verdict:
        requests.append((request, set(platform.bus.brought)))
        return verdict_for(request)

    platform = CastingPlatform(client, database, script)
    platform.blobs.content[resources_key(sha256_digest(archive))] = archive
    key, caster = await given_spell_and_caster(database, policy=policy)
    async with platform.worker:
        await (await platform.start(a_cast(caster, key))).result()
    ((request, brought),) = requests
    assert request.policy == policy
    assert brought == {request.module_digest, policy.resources_digest}
    assert await platform.bus.brought[sha256_digest(archive)]() == archive


async def test_the_admit_update_answers_with_the_decision_before_the_run_ends(
    client: Client, database: Database
) -> None:
    key, caster = await given_spell_and_caster(database)
    platform = CastingPlatform(client, database, script=lambda _: None)
    async with platform.worker:
        request = a_cast(caster, key)
        handle = await platform.start(request)
        admission = await admit(handle, request)
        assert admission.accepted
        assert admission.estimated_cost_micros == 500
        assert (await handle.query(CastSpell.status)).stage == "running"
        await cancel(handle)
        await handle.result()


async def test_another_body_is_refused_by_the_validator(client: Client, database: Database) -> None:
    key, caster = await given_spell_and_caster(database)
    platform = CastingPlatform(client, database, script=lambda _: None)
    async with platform.worker:
        request = a_cast(caster, key)
        handle = await platform.start(request)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await admit(handle, request.model_copy(update={"fingerprint": "a" * 26}))
        assert isinstance(refused.value.cause, ApplicationError)
        assert refused.value.cause.type == "IDEMPOTENCY_CONFLICT"
        await cancel(handle)
        await handle.result()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"inputs_json": '{"bad":true}'}, "VALIDATION_ERROR"),
        ({"version": "7.7.7"}, "SPELL_NOT_FOUND"),
        ({"budget_cap_micros": 1}, "BUDGET_CAP_EXCEEDED"),
        ({"budget_cap_micros": 10**9, "budget_cap_currency": "EUR"}, "VALIDATION_ERROR"),
    ],
)
async def test_a_refusal_is_a_result_that_costs_nothing(
    client: Client, database: Database, change: dict[str, Any], code: str
) -> None:
    key, caster = await given_spell_and_caster(database)
    platform = CastingPlatform(client, database)
    async with platform.worker:
        result = await (await platform.start(a_cast(caster, key, **change))).result()
    assert result.problem is not None
    assert result.problem.code == code
    assert platform.bus.published == []
    assert await credit_left(database, caster) == CREDIT


@pytest.mark.parametrize(
    ("outcome", "code", "status", "cost"),
    [
        (Outcome.FAILED, "SPELL_FAILED", CastStatus.FAILED, 106),
        (Outcome.FAILED, "FUEL_EXHAUSTED", CastStatus.FAILED, 106),
        (Outcome.TIMED_OUT, "TIME_EXCEEDED", CastStatus.TIMED_OUT, 106),
        (Outcome.LOST, "RUNNER_LOST", CastStatus.FAILED, 0),
    ],
)
async def test_the_spells_failure_costs_its_use_and_the_platforms_costs_nothing(
    client: Client, database: Database, outcome: Outcome, code: str, status: str, cost: int
) -> None:
    key, caster = await given_spell_and_caster(database, price=METERED)

    def script(request: RunRequest) -> Verdict:
        return verdict_for(request, outcome=outcome, code=code)

    platform = CastingPlatform(client, database, script=script)
    async with platform.worker:
        result = await (await platform.start(a_cast(caster, key))).result()
    assert (result.status, result.cost_micros) == (status, cost)
    assert result.problem is not None
    assert result.problem.code == code
    assert await credit_left(database, caster) == CREDIT - cost
    assert await open_holds(database, caster) == 0


@pytest.mark.parametrize("output", [b'{"bad":true}', b"not json", b"", b'{"a":1,"a":2}'])
async def test_output_that_breaks_the_schema_fails_and_is_not_charged(
    client: Client, database: Database, output: bytes
) -> None:
    key, caster = await given_spell_and_caster(database)
    platform = CastingPlatform(client, database, script=lambda r: verdict_for(r, output=output))
    async with platform.worker:
        result = await (await platform.start(a_cast(caster, key))).result()
    assert result.problem is not None
    assert (result.problem.code, result.billing) == ("OUTPUT_INVALID", Billing.RELEASED)
    assert await credit_left(database, caster) == CREDIT


async def test_a_cancel_stops_the_run_and_charges_the_metered_use_so_far(
    client: Client, database: Database
) -> None:
    key, caster = await given_spell_and_caster(database, price=METERED)
    platform = CastingPlatform(client, database, script=lambda _: None)
    async with platform.worker:
        request = a_cast(caster, key)
        handle = await platform.start(request)
        await admit(handle, request)
        await platform.bus.until_published(request.cast_id)
        answers = await asyncio.gather(*(cancel(handle) for _ in range(5)))
    assert len({answer.model_dump_json() for answer in answers}) == 1
    assert answers[0].accepted
    assert answers[0].result.status is CastStatus.CANCELLED
    assert answers[0].result.cost_micros == 106
    assert await credit_left(database, caster) == CREDIT - 106


async def test_a_run_that_nobody_takes_times_out_uncharged(
    client: Client, database: Database
) -> None:
    key, caster = await given_spell_and_caster(database)
    platform = CastingPlatform(client, database, script=lambda _: None, queue_seconds=0)
    async with platform.worker:
        handle = await platform.start(a_cast(caster, key))
        result = await handle.result()
    assert result.problem is not None
    assert result.problem.code == "QUEUE_TIMEOUT"
    assert await credit_left(database, caster) == CREDIT


async def test_a_run_waits_for_room_in_its_lane(client: Client, database: Database) -> None:
    key, caster = await given_spell_and_caster(database)
    platform = CastingPlatform(client, database)
    platform.bus.room.clear()
    async with platform.worker:
        request = a_cast(caster, key)
        handle = await platform.start(request)
        await platform.bus.until_refused(request.cast_id)
        assert platform.bus.published == []
        platform.bus.room.set()
        result = await handle.result()
    assert result.status is CastStatus.SUCCEEDED
    assert platform.bus.published == [request.cast_id]


async def test_a_run_that_finds_no_room_in_time_times_out_uncharged(
    client: Client, database: Database
) -> None:
    key, caster = await given_spell_and_caster(database)
    platform = CastingPlatform(client, database, queue_seconds=0.5)
    platform.bus.room.clear()
    async with platform.worker:
        result = await (await platform.start(a_cast(caster, key))).result()
    assert result.problem is not None
    assert result.problem.code == "QUEUE_TIMEOUT"
    assert platform.bus.published == []
    assert await credit_left(database, caster) == CREDIT


async def test_a_cancel_ends_a_run_that_waits_for_room_free_of_charge(
    client: Client, database: Database
) -> None:
    key, caster = await given_spell_and_caster(database, price=METERED)
    platform = CastingPlatform(client, database)
    platform.bus.room.clear()
    async with platform.worker:
        request = a_cast(caster, key)
        handle = await platform.start(request)
        await platform.bus.until_refused(request.cast_id)
        answer = await cancel(handle)
        assert answer.accepted
        assert answer.result.status is CastStatus.CANCELLED
        assert (await handle.result()).cost_micros == 0
    assert platform.bus.published == []
    assert await credit_left(database, caster) == CREDIT
    assert await open_holds(database, caster) == 0


async def test_an_operators_cancel_unwinds_everything(client: Client, database: Database) -> None:
    key, caster = await given_spell_and_caster(database, price=METERED)
    platform = CastingPlatform(client, database, script=lambda _: None)
    async with platform.worker:
        request = a_cast(caster, key)
        handle = await platform.start(request)
        await platform.bus.until_published(request.cast_id)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as ended:
            await handle.result()
    assert isinstance(ended.value.cause, CancelledError)
    assert platform.bus.stopped == [request.cast_id]
    assert await credit_left(database, caster) == CREDIT
    assert await open_holds(database, caster) == 0
    await assert_books_balance(database)
