"""What the supervisor relies on in a RunnerBus, as the runner's bus user on a real nats-server."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from nats.aio.client import Client
from nats.js.errors import APIError

from infra.nats_connection import open_nats
from infra.nats_streams import BusSizes, ensure_streams
from infra.run_bus import NatsRunBus
from infra.runner_bus import RUNNER_INBOX_PREFIX, NatsRunnerBus
from runner.ports import RunnerBus
from schema import names
from schema.contracts.run import DeadReason, DeadRun, RunClaim
from schema.errors import SpellError
from tests.modules.bus import BusServer, bus_server
from tests.modules.fleet import new_cast_id, request_for


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BusServer]:
    with bus_server(tmp_path_factory.mktemp("bus")) as server:
        yield server


@pytest.fixture
async def platform(server: BusServer) -> AsyncIterator[Client]:
    async with open_nats(server.platform_url, name="platform") as client:
        await ensure_streams(client.jetstream(), BusSizes(redelivery_seconds=1.0))
        yield client
        await client.jetstream().purge_stream(names.RUNS_STREAM)


@pytest.fixture
async def bus(server: BusServer, platform: Client) -> AsyncIterator[RunnerBus]:
    del platform
    async with open_nats(
        server.runner_url, name="runner", inbox_prefix=RUNNER_INBOX_PREFIX
    ) as client:
        yield NatsRunnerBus(client)


def a_claim(cast_id: str, runner_id: str = "r1", delivery: int = 1) -> RunClaim:
    return RunClaim(cast_id=cast_id, runner_id=runner_id, delivery=delivery)


async def test_the_first_claim_is_accepted_and_no_other(bus: RunnerBus) -> None:
    cast_id = new_cast_id()
    assert await bus.claim(a_claim(cast_id))
    assert not await bus.claim(a_claim(cast_id, "r2"))
    assert not await bus.claim(a_claim(cast_id, delivery=2)), "of the same runner, but later"
    assert await bus.claim(a_claim(new_cast_id(), "r2"))


async def test_a_claim_whose_answer_was_lost_is_recognised_when_it_is_made_again(
    bus: RunnerBus,
) -> None:
    claim = a_claim(new_cast_id())
    assert [await bus.claim(claim) for _ in range(3)] == [True, True, True]


async def test_of_twenty_claims_at_once_exactly_one_is_accepted(bus: RunnerBus) -> None:
    cast_id = new_cast_id()
    claims = [a_claim(cast_id, f"r{n}") for n in range(20)]
    answers = await asyncio.gather(*(bus.claim(claim) for claim in claims))
    assert sorted(answers) == [False] * 19 + [True]


async def test_a_claim_waits_for_a_bus_that_is_away_for_a_moment(
    bus: RunnerBus, server: BusServer
) -> None:
    claim = a_claim(new_cast_id())
    server.stop()
    claiming = asyncio.create_task(bus.claim(claim))
    await asyncio.sleep(0.3)
    assert not claiming.done()
    server.start()
    assert await claiming


async def test_a_claim_that_finds_no_bus_is_service_unavailable(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.runner_bus._CLAIM_SECONDS", 0.0)
    with bus_server(tmp_path_factory.mktemp("no streams")) as server:
        async with open_nats(
            server.runner_url, name="runner", inbox_prefix=RUNNER_INBOX_PREFIX
        ) as client:
            with pytest.raises(SpellError, match="SERVICE_UNAVAILABLE"):
                await NatsRunnerBus(client).claim(a_claim(new_cast_id()))


async def test_a_claim_cannot_be_taken_back_or_replaced(bus: RunnerBus, platform: Client) -> None:
    cast_id, js = new_cast_id(), platform.jetstream()
    assert await bus.claim(a_claim(cast_id))
    with pytest.raises(APIError):
        await js.purge_stream(names.CLAIMS_STREAM, subject=names.claim_subject(cast_id))
    with pytest.raises(APIError, match="maximum messages"):
        await js.publish(names.claim_subject(cast_id), b"forged")
    assert not await bus.claim(a_claim(cast_id, "r2"))


async def test_a_dead_run_is_kept_once(bus: RunnerBus, platform: Client) -> None:
    js = platform.jetstream()
    dead = DeadRun(
        reason=DeadReason.LOST, cast_id=new_cast_id(), runner_id="r", deliveries=4, cause="why"
    )
    before = (await js.stream_info(names.DEAD_RUNS_STREAM)).state.messages
    await bus.bury(dead)
    await bus.bury(dead)
    assert (await js.stream_info(names.DEAD_RUNS_STREAM)).state.messages == before + 1
    last = await js.get_last_msg(names.DEAD_RUNS_STREAM, names.dead_run_subject("lost"))
    assert DeadRun.model_validate_json(last.data or b"") == dead


async def test_a_delivery_tells_when_its_run_was_queued(bus: RunnerBus, platform: Client) -> None:
    before = time.time()
    await NatsRunBus(platform).publish_run(request_for("hello"))
    queued_by = time.time()
    await asyncio.sleep(0.05)
    delivery = await bus.next_delivery()
    # Both are this machine's clock; NATS' is cut to microseconds.
    assert before - 0.001 <= delivery.queued_at_unix <= queued_by
    await delivery.done()
