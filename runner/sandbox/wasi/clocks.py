"""Time and chance of one guest: the machine's own, or made from the seed of the run."""

import hashlib
import os
import time
from collections.abc import Callable
from typing import Protocol

from runner.sandbox.wasi.abi import GuestInterrupted

_MICROSECOND_NS = 1000
_MILLISECOND_NS = 1_000_000
_SECOND_NS = 1_000_000_000
# hashlib holds the interpreter's lock; the alarm must get its turn in between.
_CHUNK_BYTES = 1 << 20
_NS_MAX = 2**63 - 1


class Clock(Protocol):
    """What the time is, and how it passes while the guest sleeps. Nanoseconds everywhere."""

    waited_ns: int
    """Real time that the guest has slept."""
    resolution_ns: int

    def realtime(self) -> int:
        """Nanoseconds since 1970."""

    def monotonic(self) -> int:
        """Nanoseconds since some moment."""

    def sleep(self, duration: int) -> None:
        """Let so much time pass, at most until the run is over."""


class RealClock:
    """The machine's clocks.

    Args:
        pause: waits for so many seconds; True when the run is to end.
    """

    resolution_ns = 1

    def __init__(self, pause: Callable[[float], bool]) -> None:
        self._pause = pause
        self.waited_ns = 0

    def realtime(self) -> int:
        """Nanoseconds since 1970."""
        return time.time_ns()

    def monotonic(self) -> int:
        """Nanoseconds since the machine started."""
        return time.monotonic_ns()

    def sleep(self, duration: int) -> None:
        """Wait in a way that the alarm ends. Raises GuestInterrupted."""
        before = time.monotonic_ns()
        interrupted = self._pause(duration / _SECOND_NS)
        self.waited_ns += time.monotonic_ns() - before
        if interrupted:
            raise GuestInterrupted


class SeededClock:
    """A clock that the same run always reads the same: each reading takes a microsecond.

    A sleep costs nothing: it moves the clock.

    Args:
        start_unix_ms: what the wall clock says at the beginning.
    """

    resolution_ns = _MICROSECOND_NS

    def __init__(self, start_unix_ms: int) -> None:
        self._start = start_unix_ms * _MILLISECOND_NS
        self._passed = 0
        self.waited_ns = 0

    def realtime(self) -> int:
        """Nanoseconds since 1970, as of this run."""
        return self._start + self.monotonic()

    def monotonic(self) -> int:
        """Nanoseconds since the run began."""
        self._passed += _MICROSECOND_NS
        return self._passed

    def sleep(self, duration: int) -> None:
        """Move the clock."""
        self._passed = max(self._passed, min(self._passed + duration, _NS_MAX - self._start))


class Chance(Protocol):
    """Where random bytes come from."""

    def take(self, length: int) -> bytes:
        """So many random bytes."""


class RealChance:
    """The kernel's."""

    def take(self, length: int) -> bytes:
        """Unpredictable bytes."""
        return os.urandom(length)


class SeededChance:
    """SHAKE-256 over seed and number of the call: the same run always draws the same.

    Args:
        seed: 32 bytes.
    """

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._drawn = 0

    def take(self, length: int) -> bytes:
        """The next bytes; whoever knows the seed knows them too."""
        pieces = []
        for start in range(0, length, _CHUNK_BYTES):
            self._drawn += 1
            source = hashlib.shake_256(self._seed + self._drawn.to_bytes(8, "big"))
            pieces.append(source.digest(min(_CHUNK_BYTES, length - start)))
        return b"".join(pieces)
