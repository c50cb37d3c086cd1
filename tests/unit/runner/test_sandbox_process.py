"""Goal: a sandbox process never outlives its time, its supervisor or its trust."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from runner.compiling.frozen_code import FrozenCode
from runner.processes import child_process
from runner.processes.guest_run import Finished, Killed
from runner.processes.pool import SandboxPool
from runner.processes.sandbox_process import (
    ConfinementMissingError,
    SandboxDiedError,
    SandboxProcess,
    StaleCodeRefusedError,
)
from schema.contracts.run import RunPolicy
from tests.modules.guests import digest_of
from tests.support.attendants import Bystander
from tests.unit.runner.conftest import Reach, RunGuest


@pytest.fixture
async def own() -> AsyncIterator[SandboxProcess]:
    """A process of the test's own: it will not survive."""
    process = await SandboxProcess.start()
    yield process
    await process.close()


def pid_of(process: SandboxProcess) -> int:
    return process._process.pid


async def test_a_guest_that_sleeps_beyond_its_time_limit_is_woken_and_ends(
    own: SandboxProcess, run_on: RunGuest
) -> None:
    end = await run_on(own, "time", "sleep_a_minute", timeout_ms=100)
    assert isinstance(end, Finished)
    assert end.report.code == "TIME_EXCEEDED"
    assert end.report.waited_ms >= 99
    assert own.alive


class Silence(Bystander):
    """A network that never answers, and does not keep to the run's time either."""

    async def fetch(self, request: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        await asyncio.Event().wait()
        return await super().fetch(request, body)


def with_network(attendant: Bystander) -> Reach:
    policy = RunPolicy(deterministic=False, net_allow=["api.example.com"])
    return Reach(policy=policy, attendant=attendant)


ONE_REQUEST = {"net_requests_max": 1, "net_bytes_max": 1000}
A_REQUEST = b'{"method":"GET","url":"https://api.example.com/"}'


async def test_a_guest_that_is_stuck_in_a_call_beyond_its_time_limit_is_killed(
    own: SandboxProcess, run_on: RunGuest
) -> None:
    end = await run_on(
        own,
        "network",
        stdin=A_REQUEST,
        reach=with_network(Silence()),
        timeout_ms=100,
        **ONE_REQUEST,
    )
    assert isinstance(end, Killed)
    assert end.code == "TIME_EXCEEDED"
    assert end.wall_ms >= 100
    assert end.cpu_ms < 500
    assert not own.alive
    assert not psutil.pid_exists(pid_of(own))


async def test_a_computing_guest_that_is_stopped_tells_its_usage(
    own: SandboxProcess, run_on: RunGuest
) -> None:
    asyncio.get_running_loop().call_later(0.2, own.stop)
    end = await run_on(own, "time", "call_for_ever", fuel=10**12)
    assert isinstance(end, Finished)
    assert end.report.code == "TIME_EXCEEDED"
    assert end.report.fuel > 0
    assert not own.alive, "a late signal must not hit another guest"


async def test_a_sleeping_guest_that_is_stopped_tells_its_usage(
    own: SandboxProcess, run_on: RunGuest
) -> None:
    asyncio.get_running_loop().call_later(0.2, own.stop)
    end = await run_on(own, "time", "sleep_a_minute")
    assert isinstance(end, Finished)
    assert end.report.code == "TIME_EXCEEDED"
    assert not own.alive, "a late signal must not hit another guest"


async def test_a_guest_that_is_stuck_in_a_call_and_stopped_is_killed(
    own: SandboxProcess, run_on: RunGuest
) -> None:
    asyncio.get_running_loop().call_later(0.2, own.stop)
    reach = with_network(Silence())
    end = await run_on(own, "network", stdin=A_REQUEST, reach=reach, **ONE_REQUEST)
    assert isinstance(end, Killed)
    assert end.code is None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
async def test_a_process_that_dies_by_itself_is_no_fault_of_its_guest(
    own: SandboxProcess, run_on: RunGuest, number: signal.Signals
) -> None:
    asyncio.get_running_loop().call_later(0.1, os.kill, pid_of(own), number)
    with pytest.raises(SandboxDiedError, match=str(-number)):
        await run_on(own, "time", "sleep_a_minute")


async def test_a_process_that_is_out_of_processor_time_has_exceeded_its_time(
    own: SandboxProcess, run_on: RunGuest
) -> None:
    asyncio.get_running_loop().call_later(0.1, os.kill, pid_of(own), signal.SIGXCPU)
    end = await run_on(own, "time", "sleep_a_minute")
    assert isinstance(end, Killed)
    assert end.code == "TIME_EXCEEDED"


async def test_code_of_another_engine_is_refused(sandbox: SandboxProcess) -> None:
    with pytest.raises(StaleCodeRefusedError):
        await sandbox.load("sha256:" + "0" * 64, FrozenCode.of(b"not compiled code"))


async def test_a_process_gets_no_environment_and_no_descriptor_but_its_channels(
    sandbox: SandboxProcess,
) -> None:
    process = psutil.Process(pid_of(sandbox))
    assert process.cmdline()[-1] == "runner.sandbox.child"
    # The kernel adds nothing; what the interpreter sets is its own.
    assert set(process.environ()) <= {"LC_CTYPE"}
    links = descriptors_of(process.pid)
    assert not [link for link in links if link.startswith("/") and not _is_harmless(link)]
    assert len([link for link in links if link.startswith("socket:")]) == 2
    assert os.getsid(process.pid) == process.pid


async def test_a_process_ends_with_its_supervisor() -> None:
    script = (
        "import asyncio\n"
        "from runner.processes.sandbox_process import SandboxProcess\n"
        "async def main():\n"
        "    print((await SandboxProcess.start())._process.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    pid = await asyncio.to_thread(_start_and_kill, script)
    assert await asyncio.to_thread(_is_gone_soon, pid)


async def test_an_abandoned_order_kills_the_process(own: SandboxProcess, run_on: RunGuest) -> None:
    order = asyncio.ensure_future(run_on(own, "time", "sleep_a_minute"))
    await asyncio.sleep(0.2)
    order.cancel()
    with pytest.raises(asyncio.CancelledError):
        await order
    assert not own.alive


async def test_the_pool_prefers_the_process_that_has_the_module_warm(run_on: RunGuest) -> None:
    pool = SandboxPool(2)
    await pool.start()
    hello, echo = digest_of("hello"), digest_of("echo")
    async with pool.process(hello) as first:
        await run_on(first, "hello")
        async with pool.process(echo) as second:
            await run_on(second, "echo")
    for _ in range(3):
        async with pool.process(echo) as process:
            assert process is second
        async with pool.process(hello) as process:
            assert process is first
    await pool.close()


async def test_the_pool_replaces_a_dead_process(run_on: RunGuest) -> None:
    pool = SandboxPool(1)
    await pool.start()
    async with pool.process("") as dead:
        os.kill(pid_of(dead), signal.SIGKILL)
        with pytest.raises(SandboxDiedError):
            await run_on(dead, "hello")
    async with asyncio.timeout(20), pool.process("") as fresh:
        assert fresh is not dead
        end = await run_on(fresh, "hello")
    assert isinstance(end, Finished)
    await pool.close()


async def test_a_kernel_that_refuses_a_layer_is_refused_where_all_are_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    demanded = child_process.CONFINEMENT_LAYERS | {"a wall of stone"}
    monkeypatch.setattr(child_process, "CONFINEMENT_LAYERS", demanded)
    before = set(psutil.Process().children())
    with pytest.raises(ConfinementMissingError, match="a wall of stone"):
        await SandboxProcess.start(all_layers=True)
    assert set(psutil.Process().children()) <= before
    careless = await SandboxProcess.start()
    await careless.close()


async def test_fuel_and_memory_are_the_same_in_every_process(
    sandbox: SandboxProcess, own: SandboxProcess, run_on: RunGuest
) -> None:
    ends = [await run_on(one, "echo", stdin=b"x" * 1000) for one in (sandbox, own, sandbox)]
    usages = set()
    for end in ends:
        assert isinstance(end, Finished)
        usages.add((end.report.fuel, end.report.memory_bytes_peak, end.output))
    assert len(usages) == 1


def descriptors_of(pid: int) -> list[str]:
    return [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]


def _is_harmless(link: str) -> bool:
    return link == os.devnull or link.startswith("/memfd:")


def _start_and_kill(script: str) -> int:
    """Run a script until its first line, a process id; kill it then."""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    ) as supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        supervisor.kill()
    return pid


def _is_gone_soon(pid: int) -> bool:
    for _ in range(500):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False
