"""Goal: one caster's flood does not keep another's run waiting.

Method: a real nats-server and a real `spell-runner`; two hundred runs of one caster enter their
lane as the activities let them, and one run of another caster comes after them.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from nats.aio.client import Client

from activities.lanes import Lanes
from infra.nats_connection import open_nats
from infra.nats_streams import BusSizes, ensure_streams
from infra.run_bus import NatsRunBus
from schema import names
from schema.contracts.run import Outcome, RunPolicy, RunRequest
from tests.modules.bus import BusServer, bus_server
from tests.modules.fleet import Caster, request_for, runner_process

FLOOD = 200
LANE = 8


@pytest.fixture
def server(tmp_path: Path) -> Iterator[BusServer]:
    with bus_server(tmp_path) as server:
        yield server


@pytest.fixture
async def client(server: BusServer) -> AsyncIterator[Client]:
    async with open_nats(server.platform_url, name="test") as client:
        await ensure_streams(client.jetstream(), BusSizes(queued_runs_per_lane_max=LANE))
        yield client


async def ended(client: Client) -> int:
    """How many runs have ended: each has one verdict."""
    return int((await client.jetstream().stream_info(names.VERDICTS_STREAM)).state.messages)


async def test_a_single_run_ends_long_before_the_flood_that_came_first(
    client: Client, server: BusServer, tmp_path: Path
) -> None:
    bus = NatsRunBus(client)
    lanes, caster = Lanes(bus.publish_run), Caster(bus)
    flood = [
        request_for("time", entry="sleep_a_while", policy=RunPolicy(deterministic=False))
        for _ in range(FLOOD)
    ]
    single = request_for("hello", account="b")

    async def enter(request: RunRequest) -> None:
        await lanes.enter(request.cast_id, request.module_digest, lambda: request)

    with runner_process(server, tmp_path, children=2):
        await caster.cast("hello")  # compiled once, so that only the queue is in its way
        await caster.publish("time", flood[0])
        entering = [asyncio.create_task(enter(request)) for request in flood[1:]]
        await caster.verdict(flood[0].cast_id)
        before = await ended(client)
        async with caster.bus.watch(single.cast_id) as signals:
            await caster.publish("hello", single)
            while await signals.wait(20) != "verdict":
                pass
        overtaken_by = await ended(client) - before - 1
        # What was in the lane, what was in hand, and what entered behind the single run.
        assert overtaken_by <= 3 * LANE
        assert before + overtaken_by < FLOOD / 2, "the flood is far from its end"
        await asyncio.gather(*entering)
        for request in flood:
            verdict = await caster.verdict(request.cast_id)
            assert verdict.outcome is Outcome.SUCCEEDED
            assert verdict.stages.queued_us > 0
    assert await ended(client) == FLOOD + 2
