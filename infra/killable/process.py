"""The platform's end of one child: start it, ask it, kill it."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from infra.killable.wire import ANSWER_HEAD, READY, Question, question_frame

START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 1.0


class ChildTimeoutError(Exception):
    """The question was stuck; its process is dead."""


class ChildSpentError(Exception):
    """The question took all the processor time it may; its process is dead."""


class ChildLostError(Exception):
    """The process ended by itself or by another's hand before it answered."""

    def __init__(self, *, killed: bool = False) -> None:
        super().__init__("killed" if killed else "ended")
        self.killed = killed
        """By somebody else - as the kernel does when the machine is out of memory."""


class ChildProcess:
    """One child that answers one question at a time."""

    def __init__(self, process: asyncio.subprocess.Process, seconds_max: float) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._questions = process.stdin
        self._answers = process.stdout
        self._seconds_max = seconds_max

    @classmethod
    async def start(
        cls, module: str, seconds_max: float, cpu_seconds_max: float = 0
    ) -> "ChildProcess":
        """A child that is ready; its start does not count as time of a question."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            module,
            str(seconds_max),
            str(cpu_seconds_max),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # A crash of native code could print what it was asked about.
            stderr=asyncio.subprocess.DEVNULL,
            # The platform's environment holds its secrets; a child needs none.
            env={"PYTHONPATH": _import_path()},
        )
        child = cls(process, seconds_max)
        try:
            async with asyncio.timeout(START_SECONDS_MAX):
                await child._answers.readexactly(len(READY))
        except asyncio.IncompleteReadError as error:
            await child.kill()
            raise ChildProcessError(f"the process {module} does not start") from error
        except BaseException:
            await child.kill()
            raise
        return child

    @property
    def pid(self) -> int:
        """The process id, for tests and operators."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be asked again, as far as is known here."""
        return self._process.returncode is None

    async def ask(self, question: Question) -> dict[str, Any]:
        """The answer to one question; after any other end than an answer the child is dead.

        Raises:
            ChildTimeoutError: it took longer than `seconds_max`.
            ChildSpentError: it took all the processor time it may.
            ChildLostError: the process ended.
        """
        try:
            async with asyncio.timeout(self._seconds_max):
                self._questions.write(question_frame(question))
                await self._questions.drain()
                head = await self._answers.readexactly(ANSWER_HEAD.size)
                answer = await self._answers.readexactly(ANSWER_HEAD.unpack(head)[0])
        except TimeoutError as error:
            await self.kill()
            raise ChildTimeoutError from error
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise await self._why_it_ended() from error
        except BaseException:
            # A cancelled question leaves its answer in the pipe, where the next would read it.
            await self.kill()
            raise
        decoded: dict[str, Any] = json.loads(answer)
        return decoded

    async def _why_it_ended(self) -> Exception:
        """What a closed pipe means. Killing a process that is about to end would hide it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS_MAX):
                await self._process.wait()
        ended = self._process.returncode
        await self.kill()
        if ended == -signal.SIGPROF:
            return ChildSpentError()
        return ChildLostError(killed=ended == -signal.SIGKILL)

    async def stop(self) -> None:
        """End an idle child by closing its pipe."""
        self._questions.close()
        try:
            async with asyncio.timeout(STOP_SECONDS_MAX):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End the child now, whatever it does."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._questions.close()
        await self._process.wait()


def _import_path() -> str:
    """The platform's own import path, so that the child finds the same code however we run."""
    return os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
