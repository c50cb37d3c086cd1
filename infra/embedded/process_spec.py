"""What to run, and how to know that it is ready: the description of one child process."""

import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from infra.embedded.account import Account

Probe = Callable[[datetime], Awaitable[None]]
"""Called with the moment at which the process was started, returns when it is ready.

Raises `NeverReadyError` when waiting is of no use; after any other error it is called again."""


class Restart(StrEnum):
    """What happens when the process ends by itself."""

    ALWAYS = "always"
    """It is started again, with growing pauses."""
    NEVER = "never"
    """It runs once and must end with 0 before what follows it is started."""


@dataclass(frozen=True)
class StopStep:
    """One signal, and how long to wait for its effect."""

    number: signal.Signals
    patience_seconds: float


DEFAULT_STOP = (StopStep(signal.SIGTERM, 10.0), StopStep(signal.SIGKILL, 5.0))


@dataclass(frozen=True)
class ProcessSpec:
    """One child process.

    Its environment is exactly `environment`; nothing is inherited. It gets a session of its own, so
    that Ctrl-C reaches the platform alone, which then stops it in order.
    """

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    ready: Probe | None = None
    """None: ready as soon as it runs."""
    ready_within_seconds: float = 20.0
    """For a process that runs once: how long it may take."""
    restart: Restart = Restart.ALWAYS
    stop: tuple[StopStep, ...] = DEFAULT_STOP
    """Signals to stop it, from the polite to the last one."""
    death_signal: signal.Signals = signal.SIGKILL
    """Sent by the kernel when the platform itself was killed."""
    working_directory: Path | None = None
    account: Account | None = None
    """Run as this account instead of root."""
