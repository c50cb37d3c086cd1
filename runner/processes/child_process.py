"""The life of one operating-system process for sandboxed work: spawn, signal, reap."""

import asyncio
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from runner.processes.alarm_signal import STOP_SIGNAL

_ROOT = Path(__file__).resolve().parents[2]
_LAST_WORDS_BYTES = 2000

CONFINEMENT_LAYERS = frozenset({"namespaces", "landlock", "seccomp"})
"""What takes a process's reach away, where the kernel allows it."""


def missing_layers(layers: Iterable[str]) -> list[str]:
    """Which layers of confinement a process lacks that says which it has."""
    return sorted(CONFINEMENT_LAYERS.difference(layers))


@dataclass(frozen=True)
class Death:
    """How a process ended."""

    status: int
    """Exit status; negative: the signal."""
    cpu_ms: int
    """Processor time of its whole life, rounded up."""
    last_words: str
    """The end of what it wrote to standard error. Not to be trusted."""


class ChildProcess:
    """A program of ours with an empty environment and one descriptor, its channel.

    It must be spawned from the main thread, with which it dies (`confinement.die_with_parent`).

    Args:
        channel: descriptor that becomes its standard input and output.
        program: the module that it runs.
        code_channel: descriptor that becomes its standard output instead, for a program that is
            handed code there.
    """

    def __init__(
        self, channel: int, program: str = "runner.sandbox.child", code_channel: int | None = None
    ) -> None:
        self._stderr = os.memfd_create("stderr")
        self._process = subprocess.Popen(  # noqa: S603 - a module of ours
            [sys.executable, "-s", "-B", "-m", program],
            stdin=channel,
            stdout=channel if code_channel is None else code_channel,
            stderr=self._stderr,
            cwd=_ROOT,
            env={},
            start_new_session=True,
        )
        self.pid = self._process.pid

    def interrupt_guest(self) -> None:
        """Ask for the end of the running guest; without one, nothing happens."""
        os.kill(self.pid, STOP_SIGNAL)

    def is_asleep(self) -> bool:
        """Whether it waits for something now: it is neither computing, nor kept from it."""
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        # The state follows the program's name, which may hold anything, in parentheses.
        return stat.rpartition(")")[2].split()[:1] == ["S"]

    async def reap(self) -> Death:
        """Make sure that the process is dead, and tell how it died. To be called once.

        The status of a process that is dead already is not changed by the kill.
        """
        os.kill(self.pid, signal.SIGKILL)
        _, status, usage = await asyncio.to_thread(os.wait4, self.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        start = max(0, os.fstat(self._stderr).st_size - _LAST_WORDS_BYTES)
        last_words = os.pread(self._stderr, _LAST_WORDS_BYTES, start)
        os.close(self._stderr)
        return Death(
            status=self._process.returncode,
            cpu_ms=math.ceil((usage.ru_utime + usage.ru_stime) * 1000),
            last_words=last_words.decode(errors="replace"),
        )
