"""One supervised child: started, watched, read line by line, started again, stopped."""

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from infra.embedded.endings import ENDED_WELL, Backoff, describe_exit
from infra.embedded.errors import NeverReadyError, StartFailedError
from infra.embedded.output import LineSplitter
from infra.embedded.process_spec import ProcessSpec

_WRAPPER = (sys.executable, "-I", "-S", str(Path(__file__).with_name("exec_with_parent.py")))
_LAST_LINES = 20
_REPORTED_LINES = 5
_PROBE_SECONDS = 5.0
_PROBE_PAUSE_SECONDS = 0.05
_CHUNK_BYTES = 64 * 1024
# A grandchild may keep the pipe open after its parent's end; last words get this long.
_DRAIN_SECONDS = 1.0


class SupervisedProcess:
    """Owns one child process from `start` to `stop`, over any number of restarts.

    Args:
        spec: what to run.
        output: called with each line that it prints.
        report: called with each sentence about it.
    """

    def __init__(
        self, spec: ProcessSpec, output: Callable[[str], None], report: Callable[[str], None]
    ) -> None:
        self.spec = spec
        self.restarts = 0
        self._output = output
        self._report = report
        self._last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._process: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._ending = ""
        self._ready = asyncio.Event()
        self._has_been_ready = False
        self._refusal = ""
        self._not_ready_because = ""
        self._may_run = asyncio.Event()
        self._may_run.set()
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return None if self._process is None else self._process.pid

    @property
    def is_ready(self) -> bool:
        """Whether it runs and its probe has answered since it was started."""
        return self._ready.is_set()

    async def start(self) -> None:
        """Start it and wait until it is ready; from then on it is kept running.

        Raises:
            StartFailedError: it ended, or was not ready within its time.
        """
        ready = asyncio.create_task(self._ready.wait())
        self._supervisor = asyncio.create_task(self._supervise(), name=self.spec.name)
        try:
            await asyncio.wait({ready, self._supervisor}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if not self._has_been_ready:
            reason = self._refusal or f"ended ({self._ending}) before it was ready"
            raise StartFailedError(self.spec.name, reason, self._last_lines)

    async def run_to_end(self) -> None:
        """Run it once.

        Raises:
            StartFailedError: it took too long, or did not end with 0.
        """
        self._supervisor = asyncio.create_task(self._run_once(), name=self.spec.name)
        limit = self.spec.ready_within_seconds
        done, _ = await asyncio.wait({self._supervisor}, timeout=limit)
        if not done:
            await self.stop()
            raise StartFailedError(
                self.spec.name, f"did not end within {limit:g} s", self._last_lines
            )
        if self._ending != ENDED_WELL:
            raise StartFailedError(self.spec.name, f"failed ({self._ending})", self._last_lines)

    async def stop(self, hurry: asyncio.Event | None = None) -> None:
        """Stop it for good, politely first.

        Args:
            hurry: once set, patience with the first signal is over.
        """
        self._stopping.set()
        self._may_run.set()
        if self._supervisor is None:
            return
        runs = self._process is not None
        for step in self.spec.stop:
            self.send(step.number)
            if await self._ends_within(step.patience_seconds, hurry):
                # An abort at the exit must not hide behind a stop that was asked for.
                if runs and self._ending not in {ENDED_WELL, describe_exit(-step.number)}:
                    self._report(f"{self.spec.name} stopped with {self._ending}")
                break
            self._report(f"{self.spec.name} did not stop on {step.number.name}")
            hurry = None
        self._supervisor.cancel()
        await asyncio.wait({self._supervisor})
        if not self._supervisor.cancelled():
            self._supervisor.result()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process itself; nothing happens when it does not run."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def pause_restarts(self) -> None:
        """When it ends next, leave it so."""
        self._may_run.clear()

    def resume(self) -> None:
        """Restart it again when it ends, and now if it has ended."""
        self._may_run.set()

    async def _ends_within(self, seconds: float, hurry: asyncio.Event | None) -> bool:
        assert self._supervisor is not None
        waiting: set[asyncio.Task[object]] = {asyncio.create_task(_ended(self._supervisor))}
        if hurry is not None:
            waiting.add(asyncio.create_task(hurry.wait()))
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        return self._supervisor.done()

    async def _supervise(self) -> None:
        clock = asyncio.get_running_loop().time
        backoff = Backoff()
        while not self._stopping.is_set():
            started = clock()
            await self._run_once()
            if self._stopping.is_set() or not self._has_been_ready:
                return
            lived = clock() - started
            pause = backoff.after(lived)
            self._report_crash(lived, pause)
            await self._sleep(pause)
            await self._may_run.wait()
            self.restarts += 1

    def _report_crash(self, lived: float, pause: float) -> None:
        then = f"starting it again in {pause:g} s" if self._may_run.is_set() else "left down"
        self._report(
            f"{self.spec.name} {self._refusal or 'ended'} ({self._ending}) after {lived:.1f} s; "
            f"{then}. Its last lines:"
        )
        for line in list(self._last_lines)[-_REPORTED_LINES:]:
            self._report(f"  {line}")

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _run_once(self) -> None:
        self._last_lines.clear()
        self._refusal = ""
        try:
            process, reader, transport = await self._spawn()
        except OSError as error:
            self._ending = f"could not be started: {error.strerror}"
            return
        self._process = process
        reading = asyncio.create_task(self._read(reader))
        probing = asyncio.create_task(self._probe())
        try:
            if self._stopping.is_set():
                process.kill()
            self._ending = describe_exit(await process.wait())
        finally:
            self._process = None
            self._ready.clear()
            probing.cancel()
            # The session's other members must not work on without their leader.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.wait({reading}, timeout=_DRAIN_SECONDS)
            reading.cancel()
            transport.close()

    async def _spawn(
        self,
    ) -> tuple[asyncio.subprocess.Process, asyncio.StreamReader, asyncio.BaseTransport]:
        # A pipe of our own: with asyncio's, 3.11 also waits for grandchildren to close it.
        read_end, write_end = os.pipe()
        reader = asyncio.StreamReader(limit=_CHUNK_BYTES)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb", buffering=0)
        )
        spec = self.spec
        account = "-" if spec.account is None else f"{spec.account.uid}:{spec.account.gid}"
        try:
            process = await asyncio.create_subprocess_exec(
                *_WRAPPER,
                *(str(os.getpid()), str(int(spec.death_signal)), account),
                *spec.argv,
                env=dict(spec.environment),
                cwd=spec.working_directory,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                start_new_session=True,
            )
        except BaseException:
            transport.close()
            raise
        finally:
            os.close(write_end)
        return process, reader, transport

    async def _read(self, reader: asyncio.StreamReader) -> None:
        splitter = LineSplitter()
        while chunk := await reader.read(_CHUNK_BYTES):
            self._take(splitter.feed(chunk))
        self._take(splitter.flush())

    def _take(self, lines: list[str]) -> None:
        for line in lines:
            self._last_lines.append(line)
            self._output(line)

    async def _probe(self) -> None:
        """Become ready, or end the process that will never be."""
        limit = self.spec.ready_within_seconds
        started_at = datetime.now(UTC)
        try:
            async with asyncio.timeout(limit):
                while not await self._answers(started_at):  # noqa: ASYNC110  (nobody else could tell us)
                    await asyncio.sleep(_PROBE_PAUSE_SECONDS)
        except NeverReadyError as error:
            self._refuse(str(error))
        except TimeoutError:
            self._refuse(f"was not ready within {limit:g} s ({self._not_ready_because})")
        else:
            self._has_been_ready = True
            self._ready.set()
            if self.restarts:
                self._report(f"{self.spec.name} is ready again (process {self.pid})")

    def _refuse(self, reason: str) -> None:
        self._refusal = reason
        self.send(self.spec.stop[-1].number)

    async def _answers(self, started_at: datetime) -> bool:
        if self.spec.ready is None:
            return True
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                await self.spec.ready(started_at)
        except NeverReadyError:
            raise
        except Exception as error:  # noqa: BLE001  (however it fails: not ready yet)
            self._not_ready_because = type(error).__name__
            return False
        return True


async def _ended(task: asyncio.Task[None]) -> None:
    await asyncio.wait({task})
