"""Interrupts guest code at its deadline, or at once when the supervisor asks.

The main thread is inside wasmtime while a guest runs, so no Python signal handler runs there. But
the interpreter's C handler writes the signal's number to the wakeup descriptor at once, and a
thread that waits on it raises the epoch. Arming is one system call and nothing ticks in between
(a 10 ms ticker would wake every idle child 100 times a second).
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from runner.alarm_signal import STOP_SIGNAL

# The timer must never ring before the deadline as the watcher sees it.
_TIMER_SLACK_SECONDS = 0.001


class Alarm:
    """The only alarm of a process.

    Args:
        interrupt: makes running guest code trap; called from another thread.
    """

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self._interrupt = interrupt
        self._lock = threading.Lock()
        self._deadline: float | None = None
        self._wakeups, wakeup_end = os.pipe()
        os.set_blocking(wakeup_end, False)
        signal.signal(signal.SIGALRM, _nothing)
        signal.signal(STOP_SIGNAL, _nothing)
        signal.set_wakeup_fd(wakeup_end, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, name="alarm", daemon=True).start()

    @contextmanager
    def armed(self, timeout_seconds: float) -> Iterator[None]:
        """Interrupt what runs inside once the time is up."""
        with self._lock:
            self._deadline = time.monotonic() + timeout_seconds
        signal.setitimer(signal.ITIMER_REAL, timeout_seconds + _TIMER_SLACK_SECONDS)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            with self._lock:
                self._deadline = None

    def _watch(self) -> None:
        while numbers := os.read(self._wakeups, 64):
            for number in numbers:
                self._ring(number)

    def _ring(self, number: int) -> None:
        # A late ring of the run before must not hit the next one: hence the lock and the clock.
        with self._lock:
            if self._deadline is None:
                return
            if number == STOP_SIGNAL or time.monotonic() >= self._deadline:
                self._interrupt()


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """A handler must exist for the wakeup to be written."""
