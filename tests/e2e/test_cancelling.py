"""Cancel: stops what runs, charges what was used, and comes too late only after the end."""

import asyncio

from nats.aio.client import Client

from infra.nats_connection import open_nats
from infra.nats_streams import BusSizes
from schema.contracts.run import Usage
from schema.names import RUNS_STREAM, run_subject
from schema.pricing import MeteredPrice, cost_of
from tests.support.e2e import Caster, Json, WholePlatform, problem
from tests.support.e2e_packages import METERED
from tests.support.money import assert_books_balance

CREDIT = 10_000_000


async def _running(platform: WholePlatform, caster: Caster, name: str) -> Json:
    """A cast whose guest runs."""
    admitted = await caster.admitted(await platform.spell(name))
    await caster.events(admitted["cast_id"], until="running")
    cast: Json = (await caster.get(f"/v1/casts/{admitted['cast_id']}")).json()
    assert (cast["status"], cast["billing"]) == ("running", "held")
    return cast


async def test_a_running_metered_cast_pays_for_its_use_until_the_cancel(
    platform: WholePlatform, caster: Caster
) -> None:
    cast = await _running(platform, caster, "sleeper")
    answer = await caster.post(cast["links"]["cancel"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["accepted"] is True
    ended: Json = answer.json()["cast"]
    assert (ended["status"], ended["billing"]) == ("cancelled", "settled")
    assert ended["problem"]["code"] == "CAST_CANCELLED"
    usage = Usage.model_validate(ended["usage"])
    assert 0 < usage.wall_ms < 50_000
    assert ended["cost"]["micros"] == cost_of(MeteredPrice.model_validate(METERED), usage)
    assert ended == (await caster.get(cast["links"]["self"])).json()
    assert await caster.open_holds() == 0
    assert await caster.credit_left() == CREDIT - ended["cost"]["micros"]
    await assert_books_balance(platform.database)


async def test_a_running_flat_cast_pays_nothing_when_cancelled(
    platform: WholePlatform, caster: Caster
) -> None:
    cast = await _running(platform, caster, "flat-sleeper")
    ended = (await caster.post(cast["links"]["cancel"])).json()["cast"]
    assert (ended["status"], ended["billing"]) == ("cancelled", "released")
    assert ended["cost"]["micros"] == 0
    assert await caster.open_holds() == 0
    assert await caster.credit_left() == CREDIT


async def test_a_cancel_right_behind_the_cast_ends_it_too(
    platform: WholePlatform, caster: Caster
) -> None:
    """Queued or just started: whatever it met, the cast is over and the books agree."""
    spell = await platform.spell("brief-sleeper")
    for _ in range(5):
        admitted = await caster.admitted(spell)
        answer = await caster.post(f"/v1/casts/{admitted['cast_id']}:cancel")
        ended = answer.json()["cast"]
        assert ended["status"] == "cancelled"
        assert (ended["usage"] is None) == (ended["billing"] == "released")
    assert await caster.open_holds() == 0
    await assert_books_balance(platform.database)


async def test_a_cast_that_waits_for_a_runner_is_cancelled_for_free(
    platform: WholePlatform, caster: Caster
) -> None:
    """Sleepers on all places of the fleet, and one more, which is in the queue."""
    sleepers = [await _running(platform, caster, "sleeper") for _ in range(platform.places)]
    queued = await caster.admitted(await platform.spell("sleeper"))
    ended = (await caster.post(f"/v1/casts/{queued['cast_id']}:cancel")).json()["cast"]
    assert (ended["status"], ended["billing"]) == ("cancelled", "released")
    assert (ended["cost"]["micros"], ended["usage"], ended["started_at"]) == (0, None, None)
    kinds = [event.kind for event in await caster.events(queued["cast_id"])]
    assert kinds == ["queued", "held", "cancelled"]
    assert await caster.open_holds() == platform.places
    for sleeper in sleepers:
        assert (await caster.post(sleeper["links"]["cancel"])).json()["accepted"] is True
    assert await caster.open_holds() == 0


async def test_a_cast_that_waits_for_room_in_its_lane_is_cancelled_for_free(
    platform: WholePlatform, caster: Caster
) -> None:
    """As many sleepers as one caster may have on the bus, and one more, which never gets there."""
    lane = BusSizes().queued_runs_per_lane_max
    sleepers = [await caster.admitted(await platform.spell("flat-sleeper")) for _ in range(lane)]
    async with open_nats(platform.embedded.endpoints.nats_url, name="test") as client:
        async with asyncio.timeout(20):
            while await _queued(client, caster) < lane:  # noqa: ASYNC110 - the broker tells when asked
                await asyncio.sleep(0.02)
        waiting = await caster.admitted(await platform.spell("flat-sleeper"))
        ended = (await caster.post(f"/v1/casts/{waiting['cast_id']}:cancel")).json()["cast"]
        assert (ended["status"], ended["billing"]) == ("cancelled", "released")
        assert (ended["cost"]["micros"], ended["started_at"]) == (0, None)
        assert await _queued(client, caster) == lane
        cancels = (caster.post(f"/v1/casts/{one['cast_id']}:cancel") for one in sleepers)
        assert {answer.status_code for answer in await asyncio.gather(*cancels)} == {200}
    assert await caster.open_holds() == 0
    assert await caster.credit_left() == CREDIT
    await assert_books_balance(platform.database)


async def _queued(client: Client, caster: Caster) -> int:
    """The caster's runs on the bus, in the queue or in a runner's hands."""
    lanes = run_subject("*", caster.person.account_id)
    info = await client.jetstream().stream_info(RUNS_STREAM, subjects_filter=lanes)
    return sum((info.state.subjects or {}).values())


async def test_a_cast_that_was_cancelled_in_the_queue_does_not_run_afterwards(
    platform: WholePlatform, caster: Caster
) -> None:
    """A place becomes free in the moment of the cancel; only the next cast may have it.

    All other places sleep, so a run that goes on without its cast keeps the next one waiting.
    """
    echo = await platform.spell("echo")
    sleepers = [await _running(platform, caster, "long-nap") for _ in range(platform.places)]
    queued = await caster.admitted(await platform.spell("long-nap"))
    cancelled = await asyncio.gather(
        caster.post(f"/v1/casts/{queued['cast_id']}:cancel"),
        caster.post(sleepers[0]["links"]["cancel"]),
    )
    assert {answer.json()["cast"]["status"] for answer in cancelled} == {"cancelled"}
    answer = await caster.cast(echo, "next", wait=5)
    for sleeper in sleepers[1:]:
        await caster.post(sleeper["links"]["cancel"])
    assert answer.status_code == 200, "the free place was not free"


async def test_a_cancel_after_the_end_is_a_conflict(
    platform: WholePlatform, caster: Caster
) -> None:
    for name, status in (("metered", "succeeded"), ("traps", "failed"), ("naps", "timed_out")):
        cast = await caster.ended(await platform.spell(name))
        refused = problem(await caster.post(cast["links"]["cancel"]), 409, "CAST_FINISHED")
        assert refused["details"] == {"status": status}
        assert (await caster.get(cast["links"]["self"])).json() == cast


async def test_two_cancels_at_once_get_the_same_answer(
    platform: WholePlatform, caster: Caster
) -> None:
    cast = await _running(platform, caster, "sleeper")
    first, second = await asyncio.gather(*(caster.post(cast["links"]["cancel"]) for _ in range(2)))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    refused = await caster.post(cast["links"]["cancel"])
    assert problem(refused, 409, "CAST_FINISHED")["details"] == {"status": "cancelled"}


async def test_a_foreign_cast_cannot_be_cancelled(
    platform: WholePlatform, caster: Caster, stranger: Caster
) -> None:
    cast = await _running(platform, caster, "sleeper")
    problem(await stranger.post(cast["links"]["cancel"]), 404, "CAST_NOT_FOUND")
    assert (await caster.get(cast["links"]["self"])).json()["status"] == "running"
    assert (await caster.post(cast["links"]["cancel"])).json()["accepted"] is True


async def test_whoever_waits_for_a_cast_gets_its_cancelled_end(
    platform: WholePlatform, caster: Caster
) -> None:
    spell = await platform.spell("sleeper")
    waiting = asyncio.create_task(caster.cast(spell, wait=30))
    async with asyncio.timeout(30):
        # The answer with the id is what we wait for, so there is nothing to follow yet.
        while not (found := (await caster.get("/v1/casts")).json()["items"]):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await caster.events(found[0]["cast_id"], until="running")
    await caster.post(found[0]["links"]["cancel"])
    answer = await waiting
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
