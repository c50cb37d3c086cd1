"""Out of time with nothing done is the host's fault; computing, sleeping and waiting are not."""

import pytest

from runner.processes.guest_report import GuestReport
from runner.processes.guest_run import Finished, Killed
from runner.starvation import was_starved

TIMEOUT_MS = 1000


def finished(code: str | None, cpu_ms: int, waited_ms: int = 0) -> Finished:
    report: dict[str, object] = {
        "code": code,
        "details": {},
        "fuel": 1,
        "wall_ms": TIMEOUT_MS,
        "cpu_ms": cpu_ms,
        "waited_ms": waited_ms,
        "memory_bytes_peak": 0,
        "output_bytes": 0,
        "stderr_bytes": 0,
    }
    return Finished(GuestReport.model_validate(report), b"", b"")


@pytest.mark.parametrize(
    ("end", "starved"),
    [
        (finished("TIME_EXCEEDED", cpu_ms=990), False),
        (finished("TIME_EXCEEDED", cpu_ms=250), False),
        (finished("TIME_EXCEEDED", cpu_ms=249), True),
        (finished("TIME_EXCEEDED", cpu_ms=5, waited_ms=900), False),
        (finished("TIME_EXCEEDED", cpu_ms=300, waited_ms=300), False),
        (finished("TIME_EXCEEDED", cpu_ms=100, waited_ms=100), True),
        (finished("FUEL_EXHAUSTED", cpu_ms=1), False),
        (finished(None, cpu_ms=1), False),
        (Killed("TIME_EXCEEDED", wall_ms=1500, cpu_ms=1400), False),
        (Killed("TIME_EXCEEDED", wall_ms=1500, cpu_ms=10), True),
        (Killed("TIME_EXCEEDED", wall_ms=1500, cpu_ms=10, asleep=True), False),
        (Killed("MEMORY_EXCEEDED", wall_ms=5, cpu_ms=1), False),
        (Killed(None, wall_ms=5, cpu_ms=1), False),
    ],
)
def test_only_a_guest_that_neither_computed_nor_waited_was_starved(
    end: Finished | Killed, starved: bool
) -> None:
    assert was_starved(end, TIMEOUT_MS) is starved
