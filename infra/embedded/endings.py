"""How processes end, in words, and when they are started again."""

import signal


class Backoff:
    """Pauses between restarts: 0.2 s, doubling to 10 s, short again after 30 s of health."""

    first_seconds = 0.2
    largest_seconds = 10.0
    healthy_seconds = 30.0

    def __init__(self) -> None:
        self._next = self.first_seconds

    def after(self, lived_seconds: float) -> float:
        """The pause before a process that lived this long is started again."""
        if lived_seconds >= self.healthy_seconds:
            self._next = self.first_seconds
        pause = self._next
        self._next = min(pause * 2, self.largest_seconds)
        return pause


def describe_exit(code: int) -> str:
    """An exit code in words; a negative one is the signal that ended the process."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


ENDED_WELL = describe_exit(0)
