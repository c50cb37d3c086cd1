"""Measures where the time of one run goes."""

import time

from schema.contracts.run import Stages


class StageClock:
    """Started when a runner takes the run.

    Args:
        queued_at_unix: when the run was put on the queue, by the queue's clock; None when nobody
            says. The clocks of two machines may differ: less than nothing is nothing.
    """

    def __init__(self, queued_at_unix: float | None = None) -> None:
        waited = 0.0 if queued_at_unix is None else time.time() - queued_at_unix
        self._queued_us = max(0, int(waited * 1_000_000))
        self._taken_ns = time.monotonic_ns()
        self._started_ns: int | None = None
        self._ended_ns: int | None = None

    def guest_starts(self) -> None:
        """All is ready: the next thing that happens is the order to the sandbox process."""
        self._started_ns = time.monotonic_ns()

    def guest_ended(self) -> None:
        """The sandbox process has answered, or is dead."""
        self._ended_ns = time.monotonic_ns()

    def stages(self) -> Stages:
        """What is known by now; a run whose guest never started was only prepared."""
        now = time.monotonic_ns()
        started = now if self._started_ns is None else self._started_ns
        ended = now if self._ended_ns is None else self._ended_ns
        return Stages(
            queued_us=self._queued_us,
            prepare_us=(started - self._taken_ns) // 1000,
            run_us=(ended - started) // 1000 if self._started_ns is not None else 0,
        )
