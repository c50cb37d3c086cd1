"""Goal: whatever process dies when, a cast ends right, with one verdict and one charge.

Method: kill -9 real processes in the middle of real casts; the supervisor of the embedded platform
starts them again, as an orchestrator would.
"""

import asyncio
import os
import random
from typing import Any

import httpx
import psutil
import pytest
from sqlalchemy import text

from infra.nats_connection import open_nats
from schema import names
from tests.chaos.conftest import CALL, NAP
from tests.support.e2e import Caster, WholePlatform, fresh_key
from tests.support.money import assert_books_balance

PRICE = 500
CREDIT = 1_000_000
SEED = int(os.environ.get("SPELL_CHAOS_SEED", "1"))


@pytest.mark.parametrize(
    "process", ["worker", "runner", "nats", "temporal", "postgres", "api", "redis"]
)
async def test_a_cast_survives_the_death_of(platform: WholePlatform, process: str) -> None:
    caster = await platform.new_caster(CREDIT)
    admitted = await caster.admitted(NAP, {})
    await caster.events(admitted["cast_id"], until="running")
    pid = platform.embedded.kill(process)
    await platform.embedded.wait_replaced(process, pid)
    ended = await ended_after_chaos(caster, admitted["cast_id"])
    assert (ended["status"], ended["result"]) == ("succeeded", {"ok": True})
    assert ended["cost"]["micros"] == PRICE
    assert await caster.credit_left() == CREDIT - PRICE
    assert await caster.open_holds() == 0
    assert await verdicts_of(platform, admitted["cast_id"]) == 1
    await assert_books_balance(platform.database)


async def test_a_cast_survives_the_death_of_its_sandbox(platform: WholePlatform) -> None:
    caster = await platform.new_caster(CREDIT)
    admitted = await caster.admitted(NAP, {})
    await caster.events(admitted["cast_id"], until="running")
    kill_sandboxes(platform)
    ended = await ended_after_chaos(caster, admitted["cast_id"])
    assert (ended["status"], ended["cost"]["micros"]) == ("succeeded", PRICE)
    assert await verdicts_of(platform, admitted["cast_id"]) == 1
    assert await caster.credit_left() == CREDIT - PRICE


@pytest.mark.parametrize("process", ["sandbox", "runner", "nats", "worker"])
async def test_a_network_cast_starts_once_and_is_charged_once_or_not_at_all(
    platform: WholePlatform, process: str
) -> None:
    """Goal: nothing is asked of the network twice, and a run that nobody saw end is free."""
    caster = await platform.new_caster(CREDIT)
    cast_id = (await caster.admitted(CALL, {}))["cast_id"]
    await caster.events(cast_id, until="running")
    if process == "sandbox":
        kill_sandboxes(platform)
    else:
        pid = platform.embedded.kill(process)
        await platform.embedded.wait_replaced(process, pid)
    ended = await ended_after_chaos(caster, cast_id)
    lost = ended["status"] == "failed"
    if process in {"sandbox", "runner"}:
        assert lost, "its end was seen by nobody"
    if lost:
        assert ended["problem"]["code"] == "RUNNER_LOST"
        assert ended["problem"]["details"]["at_most_once"] is True
    assert await messages_on(platform, names.CLAIMS_STREAM, names.claim_subject(cast_id)) == 1
    assert await verdicts_of(platform, cast_id) == 1
    assert await caster.credit_left() == CREDIT - (0 if lost else PRICE)
    assert await caster.open_holds() == 0
    await assert_books_balance(platform.database)


async def test_worker_then_runner_killed_in_one_cast_still_means_one_charge(
    platform: WholePlatform,
) -> None:
    caster = await platform.new_caster(CREDIT)
    admitted = await caster.admitted(NAP, {})
    await caster.events(admitted["cast_id"], until="running")
    for process in ("worker", "runner"):
        pid = platform.embedded.kill(process)
        await platform.embedded.wait_replaced(process, pid)
    ended = await ended_after_chaos(caster, admitted["cast_id"])
    assert ended["status"] == "succeeded"
    kinds = await event_kinds(platform, admitted["cast_id"])
    assert kinds == ["queued", "held", "running", "storing", "settled"]
    assert await caster.credit_left() == CREDIT - PRICE
    assert await verdicts_of(platform, admitted["cast_id"]) == 1


async def test_a_storm_of_deaths_leaves_every_cast_ended_and_the_books_balanced(
    platform: WholePlatform,
) -> None:
    """`make chaos SEED=n` repeats a storm; the seed is printed with a failure by the assertion."""
    chance = random.Random(SEED)
    caster = await platform.new_caster(CREDIT)
    keys = [fresh_key() for _ in range(24)]
    casting = [asyncio.create_task(insist(caster, key)) for key in keys]
    for _ in range(5):
        await asyncio.sleep(chance.uniform(0.2, 1.5))
        process = chance.choice(["worker", "runner", "api", "nats", "postgres", "temporal"])
        pid = platform.embedded.kill(process)
        await platform.embedded.wait_replaced(process, pid)
    cast_ids = await asyncio.gather(*casting)
    ended = [await ended_after_chaos(caster, cast_id) for cast_id in cast_ids]
    succeeded = sum(cast["status"] == "succeeded" for cast in ended)
    assert len(set(cast_ids)) == len(keys), f"seed {SEED}"
    assert succeeded == len(keys), f"seed {SEED}: {[c['status'] for c in ended]}"
    assert await caster.credit_left() == CREDIT - succeeded * PRICE
    assert await caster.open_holds() == 0
    await assert_books_balance(platform.database)


async def insist(caster: Caster, key: str) -> str:
    """POST until there is an answer, always with the same key: what a good client does."""
    async with asyncio.timeout(90):
        while True:
            try:
                answer = await caster.cast(NAP, {}, key=key)
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code == 202:
                return str(answer.json()["cast_id"])
            assert answer is None or answer.status_code >= 500, answer.text
            await asyncio.sleep(0.2)


async def ended_after_chaos(caster: Caster, cast_id: str) -> dict[str, Any]:
    """The cast's final document, asked for until it is final; the api itself may be away."""
    async with asyncio.timeout(90):
        while True:
            try:
                answer = await caster.get(f"/v1/casts/{cast_id}")
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code == 200:
                document: dict[str, Any] = answer.json()
                if document["finished_at"] is not None:
                    return document
            await asyncio.sleep(0.1)


async def verdicts_of(platform: WholePlatform, cast_id: str) -> int:
    """How many verdicts the stream has accepted for the cast."""
    return await messages_on(platform, names.VERDICTS_STREAM, names.verdict_subject(cast_id))


async def messages_on(platform: WholePlatform, stream: str, subject: str) -> int:
    url = platform.embedded.endpoints.nats_url
    async with open_nats(url, name="chaos test") as client:
        info = await client.jetstream().stream_info(stream, subjects_filter=subject)
        return sum((info.state.subjects or {}).values())


def kill_sandboxes(platform: WholePlatform) -> None:
    """Kill -9 every sandbox process of this platform's runner."""
    killed = 0
    for child in psutil.Process(platform.embedded.pids()["runner"]).children():
        if child.cmdline()[-1:] == ["runner.sandbox.child"]:
            child.kill()
            killed += 1
    assert killed > 0


async def event_kinds(platform: WholePlatform, cast_id: str) -> list[str]:
    async with platform.database.reading() as connection:
        rows = await connection.execute(
            text("SELECT seq, kind FROM cast_events WHERE cast_id = :id ORDER BY seq"),
            {"id": cast_id},
        )
        events = rows.all()
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    return [event.kind for event in events]
