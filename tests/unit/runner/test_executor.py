"""Between the bus and the sandbox: warm modules, stale code, and stops that come early."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from runner import executor as executor_module
from runner.executor import AlreadyStartedError, Execution, Executor, PlatformFaultError
from runner.processes.pool import SandboxPool
from runner.resource_store import ResourceStore
from runner.sealing import RunnerKey
from runner.verdicts import VerdictWriter
from schema.contracts.run import Outcome, RunPolicy, RunRequest
from schema.errors import SpellError
from tests.modules.code import code_store
from tests.modules.fleet import FLEET_KEY, LIMITS, base64_of, opened, request_for
from tests.modules.guests import digest_of, guest
from tests.support.attendants import NoEgress


class Desk:
    """An executor on one sandbox process, and what it asked its surroundings for."""

    def __init__(self, pool: SandboxPool, folder: Path) -> None:
        self.fetched: list[str] = []
        self.started: list[str] = []
        self.claimed: list[str] = []
        self.may_start = True
        self.progress: list[tuple[str, dict[str, Any]]] = []
        self.fetching = asyncio.Event()
        self.may_fetch = asyncio.Event()
        self.may_fetch.set()
        self.modules = {digest_of(name): guest(name) for name in ("hello", "echo", "exits", "time")}
        self.code = code_store(folder, self._fetch)
        self.pool = pool
        self.executor = Executor(
            pool,
            self.code,
            ResourceStore(self._fetch),
            RunnerKey(base64_of(bytes(FLEET_KEY))),
            VerdictWriter("runner-1", pool.engine),
            NoEgress(),
            self,
            self._claim,
        )

    async def _fetch(self, digest: str) -> bytes:
        self.fetched.append(digest)
        self.fetching.set()
        await self.may_fetch.wait()
        if digest not in self.modules:
            raise SpellError("SERVICE_UNAVAILABLE")
        return self.modules[digest]

    async def _claim(self, execution: Execution) -> bool:
        self.claimed.append(execution.request.cast_id)
        return self.may_start

    async def announce_start(self, cast_id: str) -> None:
        self.started.append(cast_id)

    async def announce_progress(self, cast_id: str, sealed_report: str) -> None:
        self.progress.append((cast_id, json.loads(opened(sealed_report))))


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[SandboxPool]:
    pool = SandboxPool(1)
    await pool.start()
    yield pool
    await pool.close()


@pytest.fixture
async def desk(pool: SandboxPool, tmp_path: Path) -> Desk:
    async with pool.process("") as process:
        for digest in list(process.warm):
            await process.drop(digest)
    return Desk(pool, tmp_path)


async def test_a_warm_module_is_neither_fetched_nor_compiled_again(desk: Desk) -> None:
    for inputs in ("one", "two", "three"):
        verdict = await desk.executor.execute(Execution(request_for("echo", inputs)))
        assert opened(verdict.sealed_output) == f'"{inputs}"'.encode()
    assert desk.fetched == [digest_of("echo")]


async def test_a_stop_before_the_start_cancels_without_usage(desk: Desk) -> None:
    desk.may_fetch.clear()
    execution = Execution(request_for("hello"))
    work = asyncio.ensure_future(desk.executor.execute(execution))
    await desk.fetching.wait()
    execution.stop()
    desk.may_fetch.set()
    verdict = await work
    assert (verdict.outcome, verdict.code) == (Outcome.CANCELLED, "CAST_CANCELLED")
    assert verdict.usage is None
    assert desk.started == []


async def test_code_of_another_engine_in_the_cache_is_compiled_anew(desk: Desk) -> None:
    desk.code._disk.write(desk.pool.engine, digest_of("hello"), b"code of another engine")
    verdict = await desk.executor.execute(Execution(request_for("hello")))
    assert verdict.outcome is Outcome.SUCCEEDED
    assert desk.fetched == [digest_of("hello")]


async def test_the_longest_unused_modules_are_dropped(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor_module, "_WARM_MODULES_MAX", 2)
    for name, entry in (("hello", "_start"), ("echo", "_start"), ("exits", "exit_0")):
        await desk.executor.execute(Execution(request_for(name, entry=entry)))
    async with desk.pool.process("") as process:
        assert list(process.warm) == [digest_of("echo"), digest_of("exits")]
    verdict = await desk.executor.execute(Execution(request_for("hello")))
    assert verdict.outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    "module",
    [
        b"(module)",
        bytes(wasmtime.wat2wasm('(module (import "env" "f" (func)) (func (export "_start")))')),
    ],
)
async def test_a_module_that_publishing_should_have_refused_is_invalid_and_free(
    desk: Desk, module: bytes
) -> None:
    desk.modules[digest_of("hello")] = module
    verdict = await desk.executor.execute(Execution(request_for("hello")))
    assert (verdict.outcome, verdict.code) == (Outcome.FAILED, "MODULE_INVALID")
    assert verdict.usage is None
    assert desk.started == []


async def test_a_module_that_cannot_be_fetched_is_a_fault_of_the_platform(desk: Desk) -> None:
    del desk.modules[digest_of("hello")]
    with pytest.raises(PlatformFaultError):
        await desk.executor.execute(Execution(request_for("hello")))


def at_most_once(name: str, **options: Any) -> RunRequest:
    policy = RunPolicy(deterministic=False, net_allow=["example.com"])
    return request_for(name, policy=policy, **options)


async def test_a_run_that_must_not_start_twice_is_claimed_before_it_starts(desk: Desk) -> None:
    execution = Execution(at_most_once("hello"))
    verdict = await desk.executor.execute(execution)
    assert verdict.outcome is Outcome.SUCCEEDED
    assert desk.claimed == desk.started == [execution.request.cast_id]
    assert execution.claimed


async def test_a_run_whose_start_is_somebody_elses_is_not_started(desk: Desk) -> None:
    desk.may_start = False
    execution = Execution(at_most_once("hello"))
    with pytest.raises(AlreadyStartedError):
        await desk.executor.execute(execution)
    assert desk.started == []
    assert not execution.claimed


@pytest.mark.parametrize("policy", [RunPolicy(), RunPolicy(net_allow=["a.com"], retry_safe=True)])
async def test_a_run_that_may_start_again_is_not_claimed(desk: Desk, policy: RunPolicy) -> None:
    await desk.executor.execute(Execution(request_for("hello", policy=policy)))
    assert desk.claimed == []


async def test_a_run_that_is_stopped_before_its_start_is_not_claimed(desk: Desk) -> None:
    execution = Execution(at_most_once("hello"))
    execution.stop()
    assert (await desk.executor.execute(execution)).code == "CAST_CANCELLED"
    assert desk.claimed == []


async def test_a_guest_whose_process_is_stopped_is_a_fault_of_the_platform(desk: Desk) -> None:
    """Goal: a host that does not let a guest compute cannot make its caster pay for the time."""
    bounds = LIMITS.model_copy(update={"timeout_ms": 700, "fuel": 10**12})
    execution = Execution(request_for("time", entry="call_for_ever", limits=bounds))
    work = asyncio.ensure_future(desk.executor.execute(execution))
    while execution.process is None:  # noqa: ASYNC110 - it says so nowhere else
        await asyncio.sleep(0.01)
    os.kill(execution.process._process.pid, signal.SIGSTOP)
    with pytest.raises(PlatformFaultError, match="processor time"):
        await work


async def test_the_stages_of_a_run_are_measured(desk: Desk) -> None:
    policy = RunPolicy(deterministic=False)
    execution = Execution(request_for("time", entry="sleep_a_while", policy=policy))
    await desk.executor.execute(execution)
    stages = execution.clock.stages()
    assert stages.prepare_us > 0
    assert stages.run_us >= 50_000, "the guest slept so long"
    assert execution.clock.stages() == stages, "they are over"


async def test_inputs_that_do_not_open_are_a_fault_of_the_platform(desk: Desk) -> None:
    request = request_for("hello").model_copy(update={"sealed_inputs": "AAAA"})
    with pytest.raises(PlatformFaultError):
        await desk.executor.execute(Execution(request))
    assert desk.fetched == []
