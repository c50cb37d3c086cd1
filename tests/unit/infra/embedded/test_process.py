import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra.embedded.endings import Backoff, describe_exit
from infra.embedded.environment import base_environment
from infra.embedded.errors import NeverReadyError, NotReadyError, StartFailedError
from infra.embedded.process import SupervisedProcess
from infra.embedded.process_spec import ProcessSpec, Restart, StopStep

SLEEP = "import time; print('up'); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
IMPATIENT = (StopStep(signal.SIGTERM, 0.3), StopStep(signal.SIGKILL, 5.0))


@dataclass
class Child:
    """A supervised toy, and what was heard of it."""

    process: SupervisedProcess
    lines: list[str] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():  # noqa: ASYNC110  (asks another process)
                await asyncio.sleep(0.01)

    async def restarted(self, pid: int) -> int:
        await self.until(lambda: self.process.is_ready and self.process.pid not in {None, pid})
        assert self.process.pid is not None
        return self.process.pid


def make_child(program: str, **changes: Any) -> Child:
    spec = {
        "name": "toy",
        "argv": [sys.executable, "-u", "-c", program],
        "environment": base_environment(),
        **changes,
    }
    lines: list[str] = []
    reports: list[str] = []
    process = SupervisedProcess(ProcessSpec(**spec), lines.append, reports.append)
    return Child(process, lines, reports)


@asynccontextmanager
async def started(program: str, **changes: Any) -> AsyncIterator[Child]:
    child = make_child(program, **changes)
    try:
        await child.process.start()
        yield child
    finally:
        await child.process.stop()


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_backoff_grows_to_ten_seconds_and_forgets_after_health() -> None:
    backoff = Backoff()
    assert [backoff.after(1) for _ in range(7)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0]
    assert backoff.after(29) == 10.0
    assert backoff.after(30) == 0.2


@pytest.mark.parametrize(
    ("code", "words"),
    [(3, "exit code 3"), (-9, "killed by SIGKILL"), (-99, "killed by signal 99")],
)
def test_exits_are_told_in_words(code: int, words: str) -> None:
    assert describe_exit(code).startswith(words)


async def test_both_outputs_are_read_line_by_line() -> None:
    program = f"import sys; print('err', file=sys.stderr, flush=True); {SLEEP}"
    async with started(program) as child:
        await child.until(lambda: len(child.lines) == 2)
    assert child.lines == ["err", "up"]


async def test_a_child_has_the_given_environment_and_no_input() -> None:
    program = "import os, sys; print(dict(os.environ), repr(sys.stdin.read()))"
    child = make_child(
        program, environment={"ONE": "1", "LC_CTYPE": "C.UTF-8"}, restart=Restart.NEVER
    )
    await child.process.run_to_end()
    assert child.lines == ["{'ONE': '1', 'LC_CTYPE': 'C.UTF-8'} ''"]


async def test_a_child_leads_a_session_of_its_own() -> None:
    async with started(SLEEP) as child:
        assert child.process.pid is not None
        assert os.getsid(child.process.pid) == child.process.pid != os.getsid(0)


async def test_start_waits_until_the_probe_answers() -> None:
    asked: list[datetime] = []

    async def third_time(started_at: datetime) -> None:
        asked.append(started_at)
        if len(asked) < 3:
            raise NotReadyError

    async with started(SLEEP, ready=third_time) as child:
        assert len(asked) == 3
        assert child.process.is_ready


async def test_an_end_before_readiness_fails_the_start_with_the_last_lines() -> None:
    async def never(_started_at: datetime) -> None:
        raise NotReadyError

    program = "print('address in use'); raise SystemExit(3)"
    with pytest.raises(StartFailedError, match=r"exit code 3.*\n  address in use") as caught:
        async with started(program, ready=never):
            pass
    assert caught.value.name == "toy"


async def test_a_probe_that_never_answers_fails_the_start_in_time() -> None:
    async def refused(_started_at: datetime) -> None:
        raise ConnectionRefusedError

    begun = time.monotonic()
    with pytest.raises(StartFailedError, match=r"within 0.3 s \(ConnectionRefusedError\)"):
        async with started(SLEEP, ready=refused, ready_within_seconds=0.3):
            pass
    assert time.monotonic() - begun < 3


async def test_a_probe_that_knows_better_fails_the_start_at_once() -> None:
    async def hopeless(_started_at: datetime) -> None:
        raise NeverReadyError("refuses its password")

    with pytest.raises(StartFailedError, match="toy refuses its password"):
        async with started(SLEEP, ready=hopeless):
            pass


async def test_a_program_that_does_not_exist_fails_the_start() -> None:
    child = make_child("", argv=["/no/such/program"], restart=Restart.NEVER)
    with pytest.raises(StartFailedError, match="/no/such/program cannot be run: No such file"):
        await child.process.run_to_end()


async def test_a_crash_is_reported_and_repaired() -> None:
    async with started(SLEEP) as child:
        pid = child.process.pid
        assert pid is not None
        await child.until(lambda: bool(child.lines))
        child.process.send(signal.SIGKILL)
        assert await child.restarted(pid) != pid
        assert child.process.restarts == 1
    assert child.reports[0].startswith("toy ended (killed by SIGKILL) after 0.")
    assert child.reports[1:] == ["  up", f"toy is ready again (process {child_pid(child)})"]


def child_pid(child: Child) -> str:
    return child.reports[-1].rpartition(" ")[2].removesuffix(")")


async def test_a_paused_process_stays_down_until_it_is_resumed() -> None:
    async with started(SLEEP) as child:
        pid = child.process.pid
        assert pid is not None
        child.process.pause_restarts()
        child.process.send(signal.SIGKILL)
        await asyncio.sleep(0.5)
        assert child.process.pid is None
        assert "left down" in child.reports[0]
        child.process.resume()
        assert await child.restarted(pid) != pid


async def test_what_a_killed_child_had_started_is_killed_too(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = (
        "import subprocess, sys, time; "
        f"p = subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); "
        f"open({str(note)!r}, 'w').write(str(p.pid)); {SLEEP}"
    )
    async with started(program) as child:
        await child.until(lambda: note.exists() and bool(note.read_text()))
        grandchild = int(note.read_text())
        child.process.pause_restarts()
        child.process.send(signal.SIGKILL)
        await child.until(lambda: not alive(grandchild))


async def test_a_stop_is_polite_first() -> None:
    program = (
        "import signal, sys, time; "
        "signal.signal(signal.SIGTERM, lambda *_: (print('bye'), sys.exit())); "
        f"{SLEEP}"
    )
    async with started(program) as child:
        await child.until(lambda: bool(child.lines))
    assert child.lines == ["up", "bye"]
    assert child.reports == []


async def test_a_stubborn_child_is_killed_and_reported() -> None:
    async with started(STUBBORN, stop=IMPATIENT) as child:
        await child.until(lambda: bool(child.lines))
        pid = child.process.pid
    assert pid is not None
    assert not alive(pid)
    assert child.reports == ["toy did not stop on SIGTERM"]


async def test_hurry_ends_the_patience() -> None:
    patient = (StopStep(signal.SIGTERM, 60.0), StopStep(signal.SIGKILL, 5.0))
    async with started(STUBBORN, stop=patient) as child:
        await child.until(lambda: bool(child.lines))
        hurry, begun = asyncio.Event(), time.monotonic()
        asyncio.get_running_loop().call_later(0.2, hurry.set)
        await child.process.stop(hurry)
    assert 0.2 < time.monotonic() - begun < 5


async def test_a_bad_end_of_a_stop_is_reported() -> None:
    program = (
        f"import os, signal, time; signal.signal(signal.SIGTERM, lambda *_: os.abort()); {SLEEP}"
    )
    async with started(program) as child:
        await child.until(lambda: bool(child.lines))
    assert child.reports == ["toy stopped with killed by SIGABRT"]


async def test_a_stop_during_a_pause_between_restarts_does_not_wait() -> None:
    async with started("print('up')") as child:
        await child.until(lambda: child.process.restarts >= 2)
        begun = time.monotonic()
        await child.process.stop()
    assert time.monotonic() - begun < 0.3


async def test_a_run_once_process_must_end_well() -> None:
    child = make_child("print('no table'); raise SystemExit(1)", restart=Restart.NEVER)
    with pytest.raises(StartFailedError, match=r"toy failed \(exit code 1\).*\n  no table"):
        await child.process.run_to_end()


async def test_a_run_once_process_must_end_in_time() -> None:
    child = make_child(SLEEP, restart=Restart.NEVER, ready_within_seconds=0.2)
    with pytest.raises(StartFailedError, match=r"did not end within 0\.2 s"):
        await child.process.run_to_end()
    assert child.process.pid is None
