"""Goal: whatever dies, a run ends in exactly one verdict, and only when the platform says so.

Method: kill -9 and SIGTERM on real runner processes and on the broker; redelivery after a second.
"""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from nats.aio.client import Client

from infra.dead_runs import read_dead_runs
from infra.nats_connection import open_nats
from infra.nats_streams import BusSizes, ensure_streams
from infra.revocation_watch import NatsRevocationWatch
from infra.run_bus import NatsRunBus
from infra.runner_bus import RUNNER_INBOX_PREFIX, NatsRunnerBus
from runner.processes.pool import SandboxPool
from runner.sealing import RunnerKey
from runner.supervisor import Supervisor
from schema import limits, names
from schema.contracts.run import (
    RUN_SCHEMA_VERSION,
    DeadReason,
    DeadRun,
    Outcome,
    RunClaim,
    RunPolicy,
    RunRequest,
)
from tests.modules.bus import BusServer, bus_server
from tests.modules.code import code_store
from tests.modules.fleet import (
    FLEET_KEY,
    LIMITS,
    Caster,
    base64_of,
    children_of,
    request_for,
    runner_process,
)
from tests.support.attendants import NoEgress

SLOW = LIMITS.model_copy(update={"timeout_ms": 30_000})
NETWORK = RunPolicy(deterministic=False, net_allow=["example.com"])


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


async def claims_of(client: Client, cast_id: str) -> int:
    subject = names.claim_subject(cast_id)
    info = await client.jetstream().stream_info(names.CLAIMS_STREAM, subjects_filter=subject)
    return int((info.state.subjects or {}).get(subject, 0))


async def dead_runs(client: Client) -> list[DeadRun]:
    return [listed.run for listed in await read_dead_runs(client.jetstream(), limit=100)]


async def is_lost_at_most_once(client: Client, caster: Caster, request: RunRequest) -> None:
    """One claim, one verdict, no charge, and a note that says why."""
    verdict = await caster.bus.verdict_of(request.cast_id)
    assert verdict is not None
    assert (verdict.outcome, verdict.code, verdict.usage) == (Outcome.LOST, "RUNNER_LOST", None)
    assert verdict.details["at_most_once"] is True
    assert await claims_of(client, request.cast_id) == 1
    assert [dead.cast_id for dead in await dead_runs(client)] == [request.cast_id]


@asynccontextmanager
async def supervisor_here(server: BusServer, folder: Path) -> AsyncIterator[None]:
    """A runner in this process, without pauses between deliveries of unreadable messages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runner.supervisor._UNREADABLE_RETRY_SECONDS", 0.01)
        async with open_nats(
            server.runner_url, name="runner", inbox_prefix=RUNNER_INBOX_PREFIX
        ) as client:
            bus = NatsRunnerBus(client)
            code = code_store(folder / "here", bus.fetch_object)
            key = RunnerKey(base64_of(bytes(FLEET_KEY)))
            supervisor = Supervisor(
                bus,
                NatsRevocationWatch(client),
                SandboxPool(1),
                code,
                key,
                NoEgress(),
                runner_id="here",
                drain_seconds=5,
            )
            work = asyncio.create_task(supervisor.run())
            try:
                yield
            finally:
                supervisor.drain()
                await work


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


async def test_a_run_that_kills_its_runner_each_time_is_given_up_as_lost_and_noted(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    request = request_for("time", entry="sleep_a_minute", limits=SLOW)
    await caster.publish("time", request)
    for _ in range(limits.RUN_DELIVERIES_MAX):
        async with caster.bus.watch(request.cast_id) as signals:
            with runner_process(server, tmp_path) as runner:
                assert await signals.wait(20) == "started"
                runner.kill()
                runner.wait()
    with runner_process(server, tmp_path):
        verdict = await caster.verdict(request.cast_id)
        await one_verdict_and_an_empty_queue(client, request.cast_id)
        assert (await caster.cast("hello")).outcome is Outcome.SUCCEEDED, "others go on"
    assert (verdict.outcome, verdict.code, verdict.usage) == (Outcome.LOST, "RUNNER_LOST", None)
    (dead,) = await dead_runs(client)
    assert (dead.reason, dead.cast_id) == (DeadReason.LOST, request.cast_id)
    assert dead.deliveries == limits.RUN_DELIVERIES_MAX + 1
    assert dead.message_head is None, "no inputs are noted, sealed or not"


async def test_a_network_run_whose_runner_is_killed_does_not_start_again(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    request = request_for("time", entry="sleep_a_second", limits=SLOW, policy=NETWORK)
    with runner_process(server, tmp_path) as runner:
        await caster.started(request, "time")
        runner.kill()
        runner.wait()
    async with caster.bus.watch(request.cast_id) as signals:
        with runner_process(server, tmp_path):
            assert await signals.wait(20) == "verdict", "it is not started again"
            await one_verdict_and_an_empty_queue(client, request.cast_id)
    await is_lost_at_most_once(client, caster, request)


async def test_a_network_run_whose_sandbox_is_killed_does_not_start_again(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    request = request_for("time", entry="sleep_a_second", limits=SLOW, policy=NETWORK)
    async with caster.bus.watch(request.cast_id) as signals:
        with runner_process(server, tmp_path) as runner:
            await caster.publish("time", request)
            assert await signals.wait(20) == "started"
            os.kill(only_child(runner), signal.SIGKILL)
            assert await signals.wait(20) == "verdict", "it is not started again"
            await one_verdict_and_an_empty_queue(client, request.cast_id)
            assert (await caster.cast("hello")).outcome is Outcome.SUCCEEDED
    await is_lost_at_most_once(client, caster, request)


async def test_a_network_run_survives_the_death_of_the_broker_with_one_start(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    request = request_for("time", entry="sleep_a_second", limits=SLOW, policy=NETWORK)
    with runner_process(server, tmp_path):
        await caster.started(request, "time")
        server.stop()
        await asyncio.sleep(1.2)  # the run ends while nobody can be told
        server.start()
        async with caster.bus.watch(request.cast_id) as signals:
            verdict = await caster.verdict(request.cast_id)
            await one_verdict_and_an_empty_queue(client, request.cast_id)
            assert await signals.wait(0.1) in {"verdict", None}, "it is not started again"
    assert verdict.outcome is Outcome.SUCCEEDED
    assert await claims_of(client, request.cast_id) == 1


async def test_a_network_run_that_outlasts_the_grace_of_sigterm_is_lost_at_once(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    request = request_for("time", entry="sleep_a_minute", limits=SLOW, policy=NETWORK)
    with runner_process(server, tmp_path, drain_seconds=0.1) as runner:
        await caster.started(request, "time")
        runner.terminate()
        assert await asyncio.to_thread(runner.wait, 20) == 0
    await one_verdict_and_an_empty_queue(client, request.cast_id)
    await is_lost_at_most_once(client, caster, request)


async def test_a_network_run_that_somebody_else_has_claimed_is_never_started(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    request = request_for("hello", policy=NETWORK)
    claim = RunClaim(cast_id=request.cast_id, runner_id="gone", delivery=1)
    await client.jetstream().publish(
        names.claim_subject(request.cast_id), claim.model_dump_json().encode()
    )
    async with caster.bus.watch(request.cast_id) as signals:
        with runner_process(server, tmp_path):
            await caster.publish("hello", request)
            assert await signals.wait(20) == "verdict"
    await is_lost_at_most_once(client, caster, request)


async def test_a_network_run_that_is_safe_to_repeat_completes_on_the_next_runner(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    policy = NETWORK.model_copy(update={"retry_safe": True})
    request = request_for("time", entry="sleep_a_second", limits=SLOW, policy=policy)
    with runner_process(server, tmp_path) as runner:
        await caster.started(request, "time")
        runner.kill()
        runner.wait()
    with runner_process(server, tmp_path):
        assert (await caster.verdict(request.cast_id)).outcome is Outcome.SUCCEEDED
    assert await claims_of(client, request.cast_id) == 0


async def test_a_cancelled_network_run_ends_with_its_usage(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    request = request_for("time", entry="sleep_a_minute", limits=SLOW, policy=NETWORK)
    with runner_process(server, tmp_path):
        await caster.started(request, "time")
        await caster.bus.request_stop(request.cast_id)
        verdict = await caster.verdict(request.cast_id)
        await one_verdict_and_an_empty_queue(client, request.cast_id)
    assert (verdict.outcome, verdict.code) == (Outcome.CANCELLED, "CAST_CANCELLED")
    assert await dead_runs(client) == []


async def test_a_run_on_a_host_that_gives_it_no_time_is_lost_and_free(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    """Method: each sandbox process is stopped as soon as the guest runs in it."""
    bounds = LIMITS.model_copy(update={"timeout_ms": 400, "fuel": 10**12})
    request = request_for("time", entry="call_for_ever", limits=bounds)
    with runner_process(server, tmp_path) as runner:
        async with caster.bus.watch(request.cast_id) as signals:
            await caster.publish("time", request)
            for _ in range(limits.RUN_DELIVERIES_MAX):
                assert await signals.wait(20) == "started"
                os.kill(only_child(runner), signal.SIGSTOP)
        verdict = await caster.verdict(request.cast_id)
        await one_verdict_and_an_empty_queue(client, request.cast_id)
    assert (verdict.outcome, verdict.code, verdict.usage) == (Outcome.LOST, "RUNNER_LOST", None)


async def test_an_unreadable_message_comes_again_and_ends_among_the_dead(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    """Method: a supervisor in this process, so that the pauses can be shortened."""
    newer = request_for("hello").model_copy(update={"schema_version": RUN_SCHEMA_VERSION + 1})
    subject = names.run_subject(newer.module_digest, "acct_" + "a" * 16)
    await client.jetstream().publish(subject, newer.model_dump_json().encode())
    await client.jetstream().publish(subject, b"noise")
    async with supervisor_here(server, tmp_path):
        verdict = await caster.verdict(newer.cast_id)
        await one_verdict_and_an_empty_queue(client, newer.cast_id)
        assert (await caster.cast("hello")).outcome is Outcome.SUCCEEDED, "others go on"
    assert (verdict.outcome, verdict.code, verdict.usage) == (Outcome.LOST, "RUNNER_LOST", None)
    dead = {one.cast_id: one for one in await dead_runs(client)}
    assert {one.reason for one in dead.values()} == {DeadReason.UNREADABLE}
    assert {one.deliveries for one in dead.values()} == {limits.RUN_DELIVERIES_MAX + 1}
    assert "is newer than ours" in dead[newer.cast_id].cause
    assert dead[None].message_head == "noise"


async def test_a_long_run_is_not_delivered_again_while_it_is_worked_on(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    request = request_for(
        "time",
        entry="sleep_a_minute",
        limits=LIMITS.model_copy(update={"timeout_ms": 2500}),
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
