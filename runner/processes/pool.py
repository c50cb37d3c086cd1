"""Keeps N sandbox processes ready, and picks the one that has the module warm."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from runner.processes.sandbox_process import SandboxDiedError, SandboxProcess

_RESPAWN_SECONDS_MIN = 0.1
_RESPAWN_SECONDS_MAX = 10.0

_log = logging.getLogger(__name__)


class SandboxPool:
    """A fixed number of sandbox processes; a dead one is replaced.

    Args:
        size: processes, and so runs at a time.
        start: makes a process that is ready.
    """

    def __init__(
        self, size: int, start: Callable[[], Awaitable[SandboxProcess]] = SandboxProcess.start
    ) -> None:
        self.size = size
        self._start = start
        self._idle: list[SandboxProcess] = []
        self._changed = asyncio.Condition()
        self._replacements: set[asyncio.Task[None]] = set()
        self.engine = ""
        """The engine's name, once started."""

    async def start(self) -> None:
        """Start all processes.

        Raises:
            SandboxDiedError: one does not get ready: this machine cannot run spells.
        """
        self._idle = list(await asyncio.gather(*(self._start() for _ in range(self.size))))
        self.engine = self._idle[0].engine

    @asynccontextmanager
    async def process(self, digest: str) -> AsyncIterator[SandboxProcess]:
        """Have a process to oneself, if possible one that has this module warm."""
        process = await self._take(digest)
        try:
            yield process
        finally:
            await self._put_back(process)

    def is_warm(self, digest: str) -> bool:
        """Whether the process that `process` would pick now has this module warm."""
        return any(digest in process.warm for process in self._idle)

    async def close(self) -> None:
        """Kill all processes. Nobody may be using one any more."""
        for task in self._replacements:
            task.cancel()
        await asyncio.gather(*self._replacements, return_exceptions=True)
        await asyncio.gather(*(process.close() for process in self._idle))
        self._idle.clear()

    async def _take(self, digest: str) -> SandboxProcess:
        async with self._changed:
            while True:
                self._replace_the_dead()
                if self._idle:
                    break
                await self._changed.wait()
            # The longest idle one, so that all of them get to know the modules in use.
            process = next((one for one in self._idle if digest in one.warm), self._idle[0])
            self._idle.remove(process)
            return process

    async def _put_back(self, process: SandboxProcess) -> None:
        async with self._changed:
            self._idle.append(process)
            self._replace_the_dead()
            self._changed.notify()

    def _replace_the_dead(self) -> None:
        for process in [one for one in self._idle if not one.alive]:
            self._idle.remove(process)
            task = asyncio.get_running_loop().create_task(self._replace(process))
            self._replacements.add(task)
            task.add_done_callback(self._replacements.discard)

    async def _replace(self, dead: SandboxProcess) -> None:
        await dead.close()
        pause_seconds = _RESPAWN_SECONDS_MIN
        while True:
            try:
                process = await self._start()
                break
            except (SandboxDiedError, OSError):
                _log.exception("a sandbox process does not start; trying again")
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(2 * pause_seconds, _RESPAWN_SECONDS_MAX)
        await self._put_back(process)
