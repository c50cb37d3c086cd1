"""The supervisor's handle on one sandbox process: start it, give it orders, kill it.

The process is not trusted: what it answers is bounded in size and checked, and the wall clock is
kept here, because nothing inside wasmtime stops a guest that blocks in a host call.
"""

import asyncio
import logging
import math
import signal
import socket
import time
from typing import Any

from pydantic import ValidationError

from runner.compiling.frozen_code import FrozenCode
from runner.processes.channel import Channel
from runner.processes.child_process import ChildProcess, Death, missing_layers
from runner.processes.guest_report import GuestReport
from runner.processes.guest_run import Attendant, Finished, GuestRun, Killed
from runner.processes.wire import Frame, FrameError
from runner.refusals import ModuleRefusedError
from schema import limits

_START_SECONDS_MAX = 30.0
_LOAD_SECONDS_MAX = 10.0
# The guest's own alarm ends most runs at their limit, with exact usage; this is for the others.
_KILL_MARGIN_SECONDS = 0.5
_STOP_MARGIN_SECONDS = 0.3
_DYING_SECONDS = 0.05
_ANSWER_BYTES_MAX = max(limits.OUTPUT_MB_MAX, limits.NET_MB_MAX) * limits.MIB
_RESOURCES_KEPT_MAX = 8
_OUT_OF_MEMORY = "memory allocation of"

_log = logging.getLogger(__name__)


class ConfinementMissingError(Exception):
    """This kernel or container refuses layers that the settings demand.

    Args:
        missing: their names.
    """

    def __init__(self, missing: list[str]) -> None:
        super().__init__(
            f"sandbox processes cannot be confined by {', '.join(missing)} here: allow it (user "
            "namespaces, landlock, seccomp), or set SPELL_RUNNER_CONFINEMENT=best-effort"
        )


class SandboxDiedError(Exception):
    """The process ended for a reason that says nothing about the guest: the run may be repeated."""


class StaleCodeRefusedError(Exception):
    """The process says that the compiled code is not for its engine."""


class SandboxProcess:
    """One sandbox process. Made by `start`; used for one order at a time."""

    def __init__(self, process: ChildProcess, code_channel: socket.socket) -> None:
        self._process = process
        self._code_channel = code_channel
        self._channel = Channel(_ANSWER_BYTES_MAX, self._take, self._end)
        self._answer: asyncio.Future[Frame | None] = asyncio.get_running_loop().create_future()
        self._kill_reason: str | None = None
        self._was_asleep = False
        self._stopping = False
        self._reaping: asyncio.Task[Death] | None = None
        self._cpu_ms_before = 0
        self._attendant: Attendant | None = None
        self._fetching: asyncio.Task[None] | None = None
        self.resources: list[str] = []
        """Trees of resources that it has, the oldest first."""
        self.engine = ""
        self.warm: dict[str, int] = {}
        """Modules it has loaded, the longest unused first, with the size of their code."""

    @classmethod
    async def start(cls, *, all_layers: bool = False) -> "SandboxProcess":
        """Spawn a process and wait until it is confined and ready.

        It gets an empty environment, a session of its own and no descriptor but its two channels.

        Args:
            all_layers: do not accept a process that the kernel confines less than it could.

        Raises:
            SandboxDiedError: it did not get ready.
            ConfinementMissingError: a layer is missing.
        """
        ours, theirs = socket.socketpair()
        code_ours, code_theirs = socket.socketpair()
        with theirs, code_theirs:
            process = ChildProcess(theirs.fileno(), code_channel=code_theirs.fileno())
        code_ours.setblocking(False)
        sandbox = cls(process, code_ours)
        await sandbox._channel.open(ours)
        missing = missing_layers(await sandbox.get_ready())
        if missing and all_layers:
            await sandbox.close()
            raise ConfinementMissingError(missing)
        return sandbox

    async def get_ready(self) -> set[str]:
        """Wait for the first thing that the process says; answer how it is confined.

        Raises:
            SandboxDiedError: it ended instead.
        """
        hello = await self._answered(_START_SECONDS_MAX)
        self.engine = str(hello.head.get("engine"))
        layers = {str(layer) for layer in hello.head.get("confinement") or []}
        _log.info("sandbox %d is ready, confined by %s", self._process.pid, sorted(layers))
        return layers

    @property
    def alive(self) -> bool:
        """Whether it can take another order."""
        return self._reaping is None

    async def load(self, digest: str, code: FrozenCode) -> None:
        """Make a module warm in it. It maps the code, so that all processes share its pages.

        Raises:
            StaleCodeRefusedError: the code is for another engine or processor.
            ModuleRefusedError: the module imports what the sandbox does not offer.
            SandboxDiedError: the process ended.
        """
        self._hand_over(code)
        answer = await self._order(
            Frame({"do": "load", "digest": digest}), seconds_max=_LOAD_SECONDS_MAX
        )
        if "stale" in answer.head:
            raise StaleCodeRefusedError(digest)
        self.warm[digest] = code.size_bytes

    def _hand_over(self, code: FrozenCode) -> None:
        """Put a descriptor of the code where the process takes it when it is told to load."""
        try:
            with code.lent() as descriptor:
                socket.send_fds(self._code_channel, [b"."], [descriptor])
        except OSError as error:
            # It has ended, or leaves lying what it is handed.
            self.kill("takes no code")
            raise SandboxDiedError("the sandbox process takes no code") from error

    async def drop(self, digest: str) -> None:
        """Make it forget a module."""
        self.warm.pop(digest, None)
        await self._order(Frame({"do": "drop", "digest": digest}), seconds_max=_LOAD_SECONDS_MAX)

    async def provide(self, name: str, archive: bytes) -> None:
        """Give it a tree of resources, as the canonical archive that holds it.

        The oldest make room: what it has is decided here alone, so that no run names a tree that
        is gone.
        """
        while len(self.resources) >= _RESOURCES_KEPT_MAX:
            await self._withdraw(self.resources.pop(0))
        frame = Frame({"do": "provide", "name": name}, archive)
        await self._order(frame, seconds_max=_LOAD_SECONDS_MAX)
        self.resources.append(name)

    async def _withdraw(self, name: str) -> None:
        await self._order(Frame({"do": "withdraw", "name": name}), seconds_max=_LOAD_SECONDS_MAX)

    async def run(self, guest: GuestRun, attendant: Attendant) -> Finished | Killed:
        """Run a warm module; the process is killed when the run does not end in time.

        Raises:
            ModuleRefusedError: the entry point is not there; nothing ran.
            SandboxDiedError: the process ended by a fault that is not the guest's.
        """
        digest = guest.module_digest
        self.warm[digest] = self.warm.pop(digest)  # now the last used
        started = time.monotonic()
        seconds_max = guest.bounds.timeout_ms / 1000 + _KILL_MARGIN_SECONDS
        self._attendant = attendant
        try:
            answer = await self._order(guest.as_order(), seconds_max=seconds_max)
        except SandboxDiedError:
            wall_ms = math.ceil((time.monotonic() - started) * 1000)
            killed = await self._explain(wall_ms)
            if killed is None:
                raise
            return killed
        finally:
            self._attendant = None
            if self._fetching is not None:
                self._fetching.cancel()
        try:
            report = GuestReport.model_validate(answer.head.get("report"))
        except ValidationError as error:
            self.kill("answers nonsense")
            raise SandboxDiedError("the sandbox process answers nonsense") from error
        if self._stopping:
            # A late signal must not hit the next guest.
            self.kill("close")
        return Finished(report, answer.first, answer.second, answer.third)

    def stop(self) -> None:
        """End the running guest: by its alarm, which tells its usage, or else by force."""
        if self.alive and not self._stopping:
            self._stopping = True
            self._process.interrupt_guest()
            asyncio.get_running_loop().call_later(_STOP_MARGIN_SECONDS, self.kill, "stop")

    def kill(self, reason: str) -> None:
        """End the process now. It must be replaced."""
        if not self.alive:
            return
        self._kill_reason = reason
        self._was_asleep = self._process.is_asleep()
        self._channel.close()
        self._begin_reaping()

    async def close(self) -> None:
        """Kill the process and wait until it is gone."""
        self.kill("close")
        await self._death()

    def _end(self) -> None:
        """The channel is closed, so the process is ending or dead."""
        if self._channel.broken and self._kill_reason is None:
            self._kill_reason = "breaks the protocol"
        self._begin_reaping()
        if not self._answer.done():
            self._answer.set_result(None)

    def _take(self, frame: Frame) -> None:
        """An answer, or what the guest asks for while it runs."""
        match frame.head:
            case {"progress": dict() as report} if self._attendant is not None:
                self._attendant.report_progress(report)
            case {"fetch": dict() as request} if self._attendant is not None:
                if self._fetching is not None and not self._fetching.done():
                    raise FrameError("a guest waits for one response at a time")
                work = self._fetch(self._attendant, request, frame.first)
                self._fetching = asyncio.get_running_loop().create_task(work)
            case _:
                if not self._answer.done():
                    self._answer.set_result(frame)

    async def _fetch(self, attendant: Attendant, request: dict[str, Any], body: bytes) -> None:
        head, content = await attendant.fetch(request, body)
        self._channel.send(Frame(head, content))

    async def _order(self, order: Frame, *, seconds_max: float) -> Frame:
        if not self.alive:
            raise SandboxDiedError("the sandbox process has ended")
        self._answer = asyncio.get_running_loop().create_future()
        self._channel.send(order)
        answer = await self._answered(seconds_max)
        if "refused" in answer.head:
            details = answer.head.get("details")
            raise ModuleRefusedError(
                str(answer.head["refused"]), details if isinstance(details, dict) else None
            )
        return answer

    async def _answered(self, seconds_max: float) -> Frame:
        alarm = asyncio.get_running_loop().call_later(seconds_max, self.kill, "time")
        try:
            answer = await self._answer
        except asyncio.CancelledError:
            # Nobody will read the answer, so the next order would get it.
            self.kill("abandoned")
            raise
        finally:
            alarm.cancel()
        if answer is None:
            death = await self._death()
            raise SandboxDiedError(f"the sandbox process ended with status {death.status}")
        self._cpu_ms_before = _count(answer.head.get("process_cpu_ms"))
        return answer

    async def _explain(self, wall_ms: int) -> Killed | None:
        """Whether the guest, its limits or a request ended the process; None: a fault of ours."""
        death = await self._death()
        cpu_ms = max(0, death.cpu_ms - self._cpu_ms_before)
        if self._kill_reason == "stop":
            return Killed(None, wall_ms, cpu_ms)
        if self._kill_reason == "time" or death.status == -signal.SIGXCPU:
            return Killed("TIME_EXCEEDED", wall_ms, cpu_ms, self._was_asleep)
        if death.status == -signal.SIGABRT and _OUT_OF_MEMORY in death.last_words:
            return Killed("MEMORY_EXCEEDED", wall_ms, cpu_ms)
        _log.error(
            "sandbox %d ended with status %d (%s): %r",
            self._process.pid,
            death.status,
            self._kill_reason or "not killed by us",
            death.last_words,
        )
        return None

    async def _death(self) -> Death:
        self._begin_reaping()
        assert self._reaping is not None
        return await asyncio.shield(self._reaping)

    def _begin_reaping(self) -> None:
        if self._reaping is None:
            self._reaping = asyncio.get_running_loop().create_task(self._reap())

    async def _reap(self) -> Death:
        if self._kill_reason is None:
            # The channel broke first: let the process die of what it is dying of.
            await asyncio.sleep(_DYING_SECONDS)
        self._code_channel.close()
        return await self._process.reap()


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
