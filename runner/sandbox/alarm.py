"""Interrupts guest code at its deadline, or at once when the supervisor asks.

The main thread is inside wasmtime while a guest runs, so no Python signal handler runs there. But
the interpreter's C handler writes the signal's number to the wakeup descriptor at once, and a
thread that waits on it raises the epoch. Arming is one system call and nothing ticks in between
(a 10 ms ticker would wake every idle child 100 times a second).
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from types import FrameType

from runner.processes.alarm_signal import STOP_SIGNAL

# The timer must never ring before the deadline as the watcher sees it.
_TIMER_SLACK_SECONDS = 0.001
# A guest that calls us without end takes the interpreter's lock as soon as it has let go of it. Who
# waits asks for it only after this time of one and the same hold, 5 ms by default: longer than any
# call, so that the alarm waited for seconds.
_SWITCH_SECONDS = 0.00002


class Ring(Enum):
    """Why the alarm rang."""

    TIME = "the wall clock"
    PROCESSOR = "processor time"
    STOP = "a request of the supervisor"


class Alarm:
    """The only alarm of a process.

    Args:
        interrupt: makes running guest code trap; called from another thread.
    """

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self._interrupt = interrupt
        self._lock = threading.Lock()
        self._armed = False
        self._deadline = 0.0
        self._processor_deadline: float | None = None
        self._rung = threading.Event()
        self.reason: Ring | None = None
        """Why it rang in the last run, if it did."""
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._wakeups, wakeup_end = os.pipe()
        os.set_blocking(wakeup_end, False)
        for number in (signal.SIGALRM, signal.SIGPROF, STOP_SIGNAL):
            signal.signal(number, _nothing)
        signal.set_wakeup_fd(wakeup_end, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, name="alarm", daemon=True).start()

    @contextmanager
    def armed(self, seconds: float, processor_seconds: float | None = None) -> Iterator[None]:
        """Interrupt what runs inside once the time is up.

        Args:
            seconds: by the wall clock.
            processor_seconds: of this process, if they are bounded by less.
        """
        with self._lock:
            self._deadline = time.monotonic() + seconds
            self._processor_deadline = (
                None if processor_seconds is None else time.process_time() + processor_seconds
            )
            self.reason = None
            self._rung.clear()
            self._armed = True
        signal.setitimer(signal.ITIMER_REAL, seconds + _TIMER_SLACK_SECONDS)
        if processor_seconds is not None:
            signal.setitimer(signal.ITIMER_PROF, processor_seconds + _TIMER_SLACK_SECONDS, 0.01)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            if processor_seconds is not None:
                signal.setitimer(signal.ITIMER_PROF, 0)
            with self._lock:
                self._armed = False

    def pause(self, seconds: float) -> bool:
        """Sleep, on the main thread, until the time is up or the alarm rings; True if it rang."""
        return self._rung.wait(min(seconds, threading.TIMEOUT_MAX))

    def _watch(self) -> None:
        while numbers := os.read(self._wakeups, 64):
            for number in numbers:
                self._ring(number)

    def _ring(self, number: int) -> None:
        # A late ring of the run before must not hit the next one: hence the lock and the clocks.
        with self._lock:
            reason = self._reason_for(number) if self._armed else None
            if reason is not None and self.reason is None:
                self.reason = reason
                self._rung.set()
                self._interrupt()

    def _reason_for(self, number: int) -> Ring | None:
        if number == STOP_SIGNAL:
            return Ring.STOP
        if time.monotonic() >= self._deadline:
            return Ring.TIME
        if self._processor_deadline is not None and number == signal.SIGPROF:
            return Ring.PROCESSOR if time.process_time() >= self._processor_deadline else None
        return None


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """A handler must exist for the wakeup to be written."""
