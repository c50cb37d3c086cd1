"""Goal: whatever dies, a run ends in exactly one verdict, and only when the platform says so.

Method: kill -9 and SIGTERM on real runner processes and on the broker; redelivery after a second.
"""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from nats.aio.client import Client

from infra.nats_connection import open_nats
from infra.nats_streams import BusSizes, ensure_streams
from infra.run_bus import NatsRunBus
from schema import limits, names
from schema.contracts.run import Outcome
from tests.modules.bus import BusServer, bus_server
from tests.modules.fleet import (
    LIMITS,
    Caster,
    children_of,
    request_for,
    runner_process,
)

SLOW = LIMITS.model_copy(update={"timeout_ms": 30_000})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[BusServer]:
    with bus_server(tmp_path) as server:
        yield server


@pytest.fixture
async def client(server: BusServer) -> AsyncIterator[Client]:
    async with open_nats(server.platform_url, name="test") as client:
        await ensure_streams(client.jetstream(), BusSizes(redelivery_seconds=1.0))
        yield client


@pytest.fixture
def caster(client: Client) -> Caster:
    return Caster(NatsRunBus(client))


async def one_verdict_and_an_empty_queue(client: Client, cast_id: str) -> None:
    js = client.jetstream()
    subject = names.verdict_subject(cast_id)
    async with asyncio.timeout(10):
        while (await js.stream_info(names.RUNS_STREAM)).state.messages:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    info = await js.stream_info(names.VERDICTS_STREAM, subjects_filter=subject)
    assert info.state.subjects == {subject: 1}


def only_child(runner: subprocess.Popen[bytes]) -> int:
    (child,) = children_of(runner)
    return child


async def test_a_run_whose_runner_is_killed_completes_on_the_next(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    request = request_for("time", entry="sleep_a_second", limits=SLOW)
    with runner_process(server, tmp_path) as runner:
        await caster.started(request, "time")
        runner.kill()
        runner.wait()
        assert await caster.bus.verdict_of(request.cast_id) is None
        with runner_process(server, tmp_path):
            verdict = await caster.verdict(request.cast_id)
            await one_verdict_and_an_empty_queue(client, request.cast_id)
    assert verdict.outcome is Outcome.SUCCEEDED


async def test_a_run_whose_sandbox_is_killed_completes_in_another(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    request = request_for("time", entry="sleep_a_second", limits=SLOW)
    with runner_process(server, tmp_path) as runner:
        await caster.started(request, "time")
        os.kill(only_child(runner), signal.SIGKILL)
        verdict = await caster.verdict(request.cast_id)
        await one_verdict_and_an_empty_queue(client, request.cast_id)
    assert verdict.outcome is Outcome.SUCCEEDED


async def test_a_run_that_kills_every_sandbox_is_given_up_as_lost(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    request = request_for("time", entry="sleep_a_minute", limits=SLOW)
    with runner_process(server, tmp_path) as runner:
        async with caster.bus.watch(request.cast_id) as signals:
            await caster.publish("time", request)
            for _ in range(limits.RUN_DELIVERIES_MAX):
                assert await signals.wait(20) == "started"
                os.kill(only_child(runner), signal.SIGKILL)
        verdict = await caster.verdict(request.cast_id)
        await one_verdict_and_an_empty_queue(client, request.cast_id)
    assert (verdict.outcome, verdict.code) == (Outcome.LOST, "RUNNER_LOST")
    assert verdict.usage is None


async def test_a_long_run_is_not_delivered_again_while_it_is_worked_on(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    request = request_for(
        "time", entry="sleep_a_minute", limits=LIMITS.model_copy(update={"timeout_ms": 2500})
    )
    with runner_process(server, tmp_path, children=2):
        async with caster.bus.watch(request.cast_id) as signals:
            await caster.publish("time", request)
            hints = [await signals.wait(20), await signals.wait(20)]
        assert hints == ["started", "verdict"]
        await one_verdict_and_an_empty_queue(client, request.cast_id)


async def test_a_runner_that_was_frozen_goes_on_with_its_run_when_it_comes_again(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    bounds = LIMITS.model_copy(update={"timeout_ms": 2500})
    request = request_for("time", entry="sleep_a_minute", limits=bounds)
    with runner_process(server, tmp_path, children=2) as runner:
        async with caster.bus.watch(request.cast_id) as signals:
            await caster.publish("time", request)
            assert await signals.wait(20) == "started"
            runner.send_signal(signal.SIGSTOP)
            await asyncio.sleep(1.5)  # longer than a run may go unreported
            runner.send_signal(signal.SIGCONT)
            assert await signals.wait(20) == "verdict", "it is not started again"
        await one_verdict_and_an_empty_queue(client, request.cast_id)


async def test_sigterm_lets_the_run_at_hand_finish_and_takes_no_other(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    at_hand = request_for("time", entry="sleep_a_second", limits=SLOW)
    later = request_for("hello")
    with runner_process(server, tmp_path) as runner:
        await caster.started(at_hand, "time")
        runner.terminate()
        await asyncio.sleep(0.2)
        await caster.publish("hello", later)
        assert await asyncio.to_thread(runner.wait, 20) == 0
    verdict = await caster.bus.verdict_of(at_hand.cast_id)
    assert verdict is not None
    assert verdict.outcome is Outcome.SUCCEEDED
    assert await caster.bus.verdict_of(later.cast_id) is None
    with runner_process(server, tmp_path):
        assert (await caster.verdict(later.cast_id)).outcome is Outcome.SUCCEEDED


async def test_sigterm_gives_back_a_run_that_outlasts_the_grace(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    request = request_for("time", entry="sleep_a_second", limits=SLOW)
    with runner_process(server, tmp_path, drain_seconds=0.1) as runner:
        await caster.started(request, "time")
        runner.terminate()
        assert await asyncio.to_thread(runner.wait, 20) == 0
    assert await caster.bus.verdict_of(request.cast_id) is None
    with runner_process(server, tmp_path):
        assert (await caster.verdict(request.cast_id)).outcome is Outcome.SUCCEEDED
        await one_verdict_and_an_empty_queue(client, request.cast_id)


async def test_an_idle_runner_ends_at_once(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    with runner_process(server, tmp_path) as runner:
        await caster.cast("hello")
        began = time.monotonic()
        runner.terminate()
        assert await asyncio.to_thread(runner.wait, 20) == 0
    assert time.monotonic() - began < 5, "it does not wait for the grace"


async def test_a_runner_that_is_first_waits_for_the_queue_to_be_made(
    server: BusServer, tmp_path: Path
) -> None:
    with runner_process(server, tmp_path):
        await asyncio.sleep(0.7)
        async with open_nats(server.platform_url, name="test") as client:
            await ensure_streams(client.jetstream())
            assert (await Caster(NatsRunBus(client)).cast("hello")).outcome is Outcome.SUCCEEDED


async def test_casts_go_on_after_the_broker_was_killed(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    request = request_for("time", entry="sleep_a_second", limits=SLOW)
    with runner_process(server, tmp_path):
        await caster.started(request, "time")
        server.stop()
        await asyncio.sleep(1.2)  # the run ends while nobody can be told
        server.start()
        assert (await caster.verdict(request.cast_id)).outcome is Outcome.SUCCEEDED
        assert (await caster.cast("hello")).outcome is Outcome.SUCCEEDED


async def test_a_runner_with_a_wrong_password_says_so_and_fails(
    server: BusServer, tmp_path: Path
) -> None:
    wrong_url = f"nats://runner:hunter2@127.0.0.1:{server.port}"
    with runner_process(server, tmp_path, bus_url=wrong_url, connect_seconds=1) as runner:
        assert await asyncio.to_thread(runner.wait, 20) == 1
    log = (tmp_path / "runner.log").read_text()
    assert "SERVICE_UNAVAILABLE" in log
    assert "hunter2" not in log
