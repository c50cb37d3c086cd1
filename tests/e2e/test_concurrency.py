"""Many requests at once: budgets hold, and one key is one cast."""

import asyncio
from collections import Counter

import pytest
from temporalio.client import Client

from tests.modules.guests import guest
from tests.support.e2e import Caster, WholePlatform, fresh_key, fresh_spell, problem
from tests.support.e2e_packages import package
from tests.support.money import assert_books_balance

PRICE = 500


@pytest.fixture(scope="session")
async def temporal(platform: WholePlatform) -> Client:
    """A client that cannot decrypt anything, and needs not."""
    return await Client.connect(platform.embedded.endpoints.temporal_address)


async def test_of_a_hundred_casts_on_money_for_ten_exactly_ten_run(
    platform: WholePlatform,
) -> None:
    caster = await platform.new_caster(10 * PRICE)
    spell = await platform.spell("echo")
    answers = await asyncio.gather(*(caster.cast(spell, number) for number in range(100)))
    assert Counter(answer.status_code for answer in answers) == {202: 10, 402: 90}
    admitted = [answer.json() for answer in answers if answer.status_code == 202]
    remaining = sorted(cast["budget_remaining"]["micros"] for cast in admitted)
    assert remaining == [PRICE * left for left in range(10)]
    for answer in answers:
        if answer.status_code == 402:
            details = problem(answer, 402, "PAYMENT_REQUIRED")["details"]
            assert details["cap"] == "balance"
            assert details["estimate_micros"] == PRICE
            assert details["cap_micros"] == 10 * PRICE
            assert details["remaining_micros"] == 0

    ended = await asyncio.gather(*(caster.followed(cast["cast_id"]) for cast in admitted))
    assert {(cast["status"], cast["cost"]["micros"]) for cast in ended} == {("succeeded", PRICE)}
    listed = (await caster.get("/v1/casts", params={"limit": 100})).json()["items"]
    assert len(listed) == 10, "a refused cast is none"
    assert await caster.credit_left() == 0
    assert await caster.open_holds() == 0
    await assert_books_balance(platform.database)


async def test_the_same_request_twenty_times_at_once_is_one_cast(
    platform: WholePlatform, caster: Caster, temporal: Client
) -> None:
    spell, key = await platform.spell("metered"), fresh_key()
    before = await caster.credit_left()
    answers = await asyncio.gather(*(caster.cast(spell, {"a": 1}, key=key) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1, "twenty equal answers"
    cast = await caster.followed(answers[0].json()["cast_id"])
    assert await _workflows_of(temporal, caster, expected=1) == [f"cast:{cast['cast_id']}"]
    assert [t["kind"] for t in await caster.transfers(cast["cast_id"])].count("post") == 1
    assert await caster.credit_left() == before - cast["cost"]["micros"]
    assert len((await caster.get("/v1/casts")).json()["items"]) == 1
    await assert_books_balance(platform.database)


async def test_the_same_request_twenty_times_at_once_and_waiting_is_one_result(
    platform: WholePlatform, caster: Caster
) -> None:
    spell, key = await platform.spell("metered"), fresh_key()
    answers = await asyncio.gather(
        *(caster.cast(spell, {"a": 1}, key=key, wait=30) for _ in range(20))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert len((await caster.get("/v1/casts")).json()["items"]) == 1


async def test_of_many_bodies_at_once_under_one_key_one_wins(
    platform: WholePlatform, caster: Caster
) -> None:
    spell, key = await platform.spell("echo"), fresh_key()
    answers = await asyncio.gather(*(caster.cast(spell, n, key=key) for n in range(10)))
    assert Counter(answer.status_code for answer in answers) == {202: 1, 409: 9}
    won = next(answer for answer in answers if answer.status_code == 202)
    for answer in answers:
        if answer is not won:
            problem(answer, 409, "IDEMPOTENCY_CONFLICT")
    cast = await caster.followed(won.json()["cast_id"])
    assert cast["result"] == answers.index(won)


async def test_one_package_published_ten_times_at_once_is_one_version(caster: Caster) -> None:
    key = fresh_spell()
    archive = package(key, guest("echo"))
    answers = await asyncio.gather(*(caster.upload(archive) for _ in range(10)))
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len((await caster.get(f"/v1/spells/{key}/versions")).json()) == 1


async def _workflows_of(temporal: Client, caster: Caster, *, expected: int) -> list[str]:
    """The workflows of an account, once the visibility store, which lags, knows as many."""
    query = f"SpellAccount = '{caster.person.account_id}'"
    async with asyncio.timeout(20):
        while True:
            found = [execution.id async for execution in temporal.list_workflows(query)]
            if len(found) >= expected:
                return found
            await asyncio.sleep(0.1)
