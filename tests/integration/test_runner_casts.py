"""Goal: a run goes in sealed and comes back as one verdict, whatever the guest does.

Method: a real nats-server and a real `spell-runner` whose bus user has only its listed rights.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from nats.aio.client import Client

from infra.nats_connection import open_nats
from infra.nats_streams import BusSizes, ensure_streams
from infra.run_bus import NatsRunBus
from schema import names
from schema.contracts.run import Outcome, RunPolicy, Verdict
from tests.modules.bus import BusServer, bus_server
from tests.modules.fleet import LIMITS, Caster, opened, request_for, runner_process


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runner")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[BusServer]:
    with bus_server(folder) as server:
        yield server


@pytest.fixture(scope="module")
async def client(server: BusServer) -> AsyncIterator[Client]:
    async with open_nats(server.platform_url, name="test") as client:
        await ensure_streams(client.jetstream(), BusSizes(redelivery_seconds=2.0))
        yield client


@pytest.fixture(scope="module")
def caster(client: Client, server: BusServer, folder: Path) -> Iterator[Caster]:
    with runner_process(server, folder, children=2):
        yield Caster(NatsRunBus(client))


async def queued(client: Client) -> int:
    return int((await client.jetstream().stream_info(names.RUNS_STREAM)).state.messages)


async def empties(client: Client) -> None:
    async with asyncio.timeout(10):
        while await queued(client):  # noqa: ASYNC110 - the broker tells only when asked
            await asyncio.sleep(0.02)


async def test_a_cast_comes_back_with_its_output_and_its_usage(
    caster: Caster, client: Client
) -> None:
    inputs = {"text": "grüß Gott", "numbers": list(range(1000))}
    verdict = await caster.cast("echo", inputs)
    assert verdict.outcome is Outcome.SUCCEEDED
    assert json.loads(opened(verdict.sealed_output)) == inputs
    assert verdict.usage is not None
    assert verdict.usage.fuel > 0
    assert verdict.usage.input_bytes == verdict.usage.output_bytes == len(json.dumps(inputs))
    assert verdict.engine.startswith("wasmtime-")
    assert "started" in caster.hints
    await empties(client)


async def test_equal_casts_use_equal_fuel_and_memory(caster: Caster) -> None:
    verdicts = await asyncio.gather(*(caster.cast("echo", "same") for _ in range(8)))
    usages = [verdict.usage for verdict in verdicts if verdict.usage is not None]
    assert len({(usage.fuel, usage.memory_bytes_peak) for usage in usages}) == 1
    assert len(usages) == 8


async def test_inputs_and_outputs_of_three_megabytes_pass(caster: Caster) -> None:
    limits = LIMITS.model_copy(update={"output_bytes_max": 4 * 1024 * 1024})
    verdict = await caster.cast("echo", "x" * 3_000_000, limits=limits)
    assert len(opened(verdict.sealed_output)) == 3_000_002


@pytest.mark.parametrize(
    ("name", "entry", "limits", "end"),
    [
        ("exits", "exit_1", {}, (Outcome.FAILED, "SPELL_FAILED")),
        ("traps", "unreachable", {}, (Outcome.FAILED, "SPELL_TRAPPED")),
        ("time", "loop_for_ever", {"fuel": 1000}, (Outcome.FAILED, "FUEL_EXHAUSTED")),
        ("time", "loop_for_ever", {"timeout_ms": 400}, (Outcome.TIMED_OUT, "TIME_EXCEEDED")),
        ("time", "sleep_a_minute", {"timeout_ms": 100}, (Outcome.TIMED_OUT, "TIME_EXCEEDED")),
        ("memory", "grow_at_once", {}, (Outcome.FAILED, "MEMORY_EXCEEDED")),
        ("recursion", "_start", {}, (Outcome.FAILED, "STACK_EXHAUSTED")),
        ("floods", "stdout", {}, (Outcome.FAILED, "OUTPUT_TOO_LARGE")),
    ],
)
async def test_a_failing_guest_ends_in_a_verdict_with_usage(
    caster: Caster, name: str, entry: str, limits: dict[str, int], end: tuple[Outcome, str]
) -> None:
    bounds = LIMITS.model_copy(update=limits)
    verdict = await caster.cast(name, entry=entry, limits=bounds)
    assert (verdict.outcome, verdict.code) == end
    assert verdict.usage is not None
    assert verdict.sealed_output is None


async def test_the_error_stream_comes_back_sealed(caster: Caster) -> None:
    verdict = await caster.cast("floods", entry="stderr")
    assert len(opened(verdict.sealed_stderr)) == LIMITS.stderr_bytes_max


async def test_a_module_without_the_entry_point_is_refused_unused(caster: Caster) -> None:
    verdict = await caster.cast("hello", entry="main")
    assert (verdict.outcome, verdict.code) == (Outcome.FAILED, "MODULE_INVALID")
    assert verdict.usage is None


async def test_a_running_cast_that_is_stopped_is_cancelled_with_its_usage(caster: Caster) -> None:
    for entry in ("call_for_ever", "sleep_a_minute"):
        request = request_for(
            "time", entry=entry, limits=LIMITS.model_copy(update={"fuel": 10**12})
        )
        await caster.started(request, "time")
        await asyncio.sleep(0.1)
        await caster.bus.request_stop(request.cast_id)
        verdict = await caster.verdict(request.cast_id)
        assert (verdict.outcome, verdict.code) == (Outcome.CANCELLED, "CAST_CANCELLED")
        assert verdict.usage is not None
        assert verdict.usage.wall_ms >= 50


async def test_a_queued_cast_whose_cancellation_was_accepted_never_runs(
    caster: Caster, client: Client
) -> None:
    request = request_for("hello")
    cancelled = Verdict(
        cast_id=request.cast_id, outcome=Outcome.CANCELLED, code="CAST_CANCELLED", usage=None
    )
    await caster.bus.offer_verdict(cancelled)
    async with caster.bus.watch(request.cast_id) as signals:
        await caster.publish("hello", request)
        await empties(client)
        assert await signals.wait(0.1) is None, "it was not even started"
    assert await caster.bus.verdict_of(request.cast_id) == cancelled


async def test_a_verdict_says_where_the_time_went(caster: Caster, client: Client) -> None:
    policy = RunPolicy(deterministic=False)
    verdict = await caster.cast("time", entry="sleep_a_while", policy=policy)
    stages = verdict.stages
    assert stages.queued_us > 0
    assert stages.prepare_us > 0
    assert stages.run_us >= 50_000, "the guest slept so long"


async def test_an_expired_run_is_dropped_without_a_verdict(caster: Caster, client: Client) -> None:
    request = request_for("hello", expires_in_seconds=-1)
    await caster.publish("hello", request)
    await empties(client)
    assert await caster.bus.verdict_of(request.cast_id) is None


async def test_inputs_that_do_not_open_are_given_up_as_lost_and_not_charged(
    caster: Caster, client: Client
) -> None:
    request = request_for("hello").model_copy(update={"sealed_inputs": "bm90IHNlYWxlZA=="})
    await caster.publish("hello", request)
    verdict = await caster.verdict(request.cast_id)
    assert (verdict.outcome, verdict.code) == (Outcome.LOST, "RUNNER_LOST")
    assert verdict.usage is None
    await empties(client)


async def test_a_run_that_cannot_be_read_does_not_block_the_next(
    caster: Caster, client: Client
) -> None:
    await client.jetstream().publish(
        names.run_subject("sha256:" + "0" * 64, "acct_" + "a" * 16), b"{}"
    )
    assert (await caster.cast("hello")).outcome is Outcome.SUCCEEDED


async def test_a_runner_may_do_nothing_on_the_bus_but_its_work(server: BusServer) -> None:
    refusals: list[str] = []

    async def note(error: Exception) -> None:
        refusals.append(str(error))

    runner = Client()
    await runner.connect(server.runner_url, error_cb=note, inbox_prefix="_INBOX.runner")
    forbidden = [
        names.run_subject("sha256:x", "acct_x"),
        names.stop_subject("x"),
        names.event_subject("x"),
        "$JS.API.STREAM.CREATE.X",
        f"$JS.API.STREAM.PURGE.{names.RUNS_STREAM}",
        f"$JS.API.STREAM.DELETE.{names.VERDICTS_STREAM}",
        f"$JS.API.STREAM.MSG.DELETE.{names.VERDICTS_STREAM}",
        f"$JS.API.CONSUMER.CREATE.{names.RUNS_STREAM}",
        f"$JS.API.CONSUMER.MSG.NEXT.{names.DEAD_RUNS_STREAM}.any",
        f"$JS.API.STREAM.INFO.{names.RUNS_STREAM}",
        f"$JS.API.STREAM.MSG.GET.{names.RUNS_STREAM}",
        f"$JS.API.STREAM.PURGE.{names.CLAIMS_STREAM}",
        f"$JS.API.STREAM.MSG.DELETE.{names.CLAIMS_STREAM}",
        f"$JS.API.DIRECT.GET.{names.DEAD_RUNS_STREAM}.{names.dead_run_subject('lost')}",
        f"$JS.API.DIRECT.GET.{names.RUNS_STREAM}.{names.run_subject('x', 'x')}",
        f"$JS.API.DIRECT.GET.{names.CLAIMS_STREAM}",
        names.claim_subject("x.y"),
        names.dead_run_subject("other"),
        f"$O.{names.MODULES_BUCKET}.C.x",
        f"$O.{names.MODULES_BUCKET}.M.x",
    ]
    for subject in forbidden:
        await runner.publish(subject, b"{}")
    hearings = ["run.>", "verdict.>", "signal.>", "claim.>", "dead.>", "_INBOX.other.>", "$JS.>"]
    for subject in hearings:
        await runner.subscribe(subject)
    await runner.flush()
    await asyncio.sleep(0.1)
    await runner.close()
    for subject in (*forbidden, *hearings):
        assert any(f'"{subject.lower()}"' in refusal.lower() for refusal in refusals), subject
