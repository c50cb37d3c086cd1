"""What a fresh sandbox costs, beside what others take for the same: `make bench`.

All in one run, in processes of their own that take turns, because the machine is noisy; what
counts are the ratios: of the medians, and beside it of the best turns, which are those that nothing
else disturbed. On a quiet machine the two agree. Goals: one sandbox at least 0.85 of the same loop
written directly on wasmtime-py (and 6,000 a second where that reaches 7,600), twice a fresh Extism
plugin, 20 times a process of the wasmtime CLI; a cache hit of at most 0.2 ms; and two sandbox
processes at least 1.8 times one. What each contender does is in `runner_contenders.py`.

Two sandbox processes and their supervisor are three processes: on two processors the supervisor
takes its share of small guests, so scaling is measured on the sandbox itself and on a guest that
computes for milliseconds, and shown for the small guest.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from bench.code_cache import measure_code_cache
from bench.runner_contenders import CONTENDERS

# Calls in a turn. Turns are short, so that some of them find a processor free.
CALLS_USUAL = 400
CALLS = {"command line": 10, "busy, 1 child": 20, "busy, 2 children": 20}
PAIR = ("sandbox", "sandbox, second")
TOGETHER = "two sandboxes"
CACHE_HIT_MS = 0.2


class Contender:
    """A process that runs a program as often as it is told."""

    def __init__(self, name: str, stack: ExitStack) -> None:
        command = [sys.executable, "-m", "bench.runner_contenders", name]
        self.name = name
        self._process = stack.enter_context(
            subprocess.Popen(  # noqa: S603 - our own module
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        )
        stack.callback(self._process.kill)
        assert self._output.readline() == "ready\n", f"{name} does not start"

    def seconds_for(self, calls: int) -> float:
        """Let it run."""
        assert self._process.stdin is not None
        print(calls, file=self._process.stdin, flush=True)
        return float(self._output.readline())

    @property
    def _output(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout


@dataclass(frozen=True)
class Figure:
    """Calls per second over all rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, rates: Iterable[float]) -> "Figure":
        """Summed up."""
        ordered = sorted(rates)
        return cls(statistics.median(ordered), ordered[0], ordered[-1])


@dataclass(frozen=True)
class Goal:
    """A ratio that was promised, and what was measured."""

    what: str
    ratio: float
    ratio_of_best: float
    at_least: float

    def __str__(self) -> str:
        verdict = "met" if self.ratio >= self.at_least else "MISSED"
        return (
            f"{self.what:<52} {self.ratio:9,.2f} {self.ratio_of_best:9,.2f} {self.at_least:9,.2f}"
            f"  {verdict}"
        )


def measure(rounds: int) -> dict[str, Figure]:
    """Let all contenders take turns; calls per second of each, and of two sandboxes at once."""
    rates: dict[str, list[float]] = {name: [] for name in (*CONTENDERS, TOGETHER)}
    with ExitStack() as stack:
        contenders = {name: Contender(name, stack) for name in CONTENDERS}
        pair = [contenders[name] for name in PAIR]
        threads = stack.enter_context(ThreadPoolExecutor(len(pair)))
        for _ in range(rounds):
            for name, contender in contenders.items():
                calls = CALLS.get(name, CALLS_USUAL)
                rates[name].append(calls / contender.seconds_for(calls))
            seconds = threads.map(Contender.seconds_for, pair, [CALLS_USUAL] * len(pair))
            rates[TOGETHER].append(len(pair) * CALLS_USUAL / max(seconds))
    return {name: Figure.of(values) for name, values in rates.items()}


def goals(figures: dict[str, Figure]) -> list[Goal]:
    """The ratios that matter."""
    ratios = [
        ("sandbox", "wasmtime-py", 0.85),
        ("sandbox", "extism", 2.0),
        ("sandbox, small", "extism, small", 2.0),
        ("sandbox", "command line", 20.0),
        (TOGETHER, "sandbox", 1.8),
        ("busy, 2 children", "busy, 1 child", 1.8),
    ]
    found = [
        Goal(
            f"{ours} / {theirs}",
            figures[ours].median / figures[theirs].median,
            figures[ours].most / figures[theirs].most,
            at_least,
        )
        for ours, theirs, at_least in ratios
    ]
    first = found[0]
    at_7600 = (first.ratio * 7600, first.ratio_of_best * 7600)
    return [*found, Goal("sandboxes a second where wasmtime-py makes 7,600", *at_7600, 6000)]


def cache_goal() -> Goal:
    """How often the way of a cached module of 1 MB fits into its time."""
    hit_ms = asyncio.run(measure_code_cache()).hit_ms_p50
    ratio = CACHE_HIT_MS / hit_ms
    return Goal(f"{CACHE_HIT_MS} ms / a cache hit of 1 MB ({hit_ms:.3f} ms)", ratio, ratio, 1)


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    figures = measure(arguments.rounds)
    print(f"{'calls per second':<24} {'median':>9} {'least':>9} {'most':>9}")
    for name, figure in figures.items():
        print(f"{name:<24} {figure.median:9,.0f} {figure.least:9,.0f} {figure.most:9,.0f}")
    print(f"\n{'ratios':<52} {'median':>9} {'best':>9} {'goal':>9}")
    results = [*goals(figures), cache_goal()]
    for goal in results:
        print(goal)
    if arguments.json is not None:
        content = {
            "calls_per_second": {name: asdict(figure) for name, figure in figures.items()},
            "goals": [asdict(goal) for goal in results],
        }
        arguments.json.write_text(json.dumps(content, indent=2))


if __name__ == "__main__":
    main()
