"""Goal: a runner holds no more after ten thousand casts than after a thousand.

Method: a real nats-server and a real `spell-runner` with one sandbox process; guests that succeed,
fail, trap, write logs and files, use memory and are cut off, by turns, a few at a time. Resident
memory, descriptors, mappings and files are read at the start, after 1,000 casts and at the end, and
printed. The suite casts fewer; `make soak` casts 10,000.

The first thousand may cost what warming up costs: code, buffers, arenas of the allocator. After
that, 10 MiB in 9,000 casts would be about a kilobyte a cast: less than one leaked report, buffer or
page would show, and far more than an allocator's noise.
"""

import asyncio
import itertools
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from infra.nats_connection import open_nats
from infra.nats_streams import ensure_streams
from infra.run_bus import NatsRunBus
from schema.contracts.run import RunLimits, RunPolicy
from schema.limits import MIB
from tests.modules.bus import BusServer, bus_server
from tests.modules.fleet import LIMITS, Caster, children_of, runner_process

CASTS = int(os.environ.get("SPELL_SOAK_CASTS", "2000"))
WARM_CASTS = 1000
LANES = 4
GROWTH_BYTES_MAX = 10 * MIB

PLAIN = RunPolicy()
_SCRATCH = LIMITS.model_copy(update={"scratch_bytes_max": MIB})


@dataclass(frozen=True)
class Turn:
    """One of the casts that take turns, and the code that it ends with."""

    module: str
    entry: str = "_start"
    code: str | None = None
    limits: RunLimits = LIMITS
    policy: RunPolicy = PLAIN


TURNS = (
    Turn("hello"),
    Turn("echo"),
    Turn("exits", "exit_1", "SPELL_FAILED"),
    Turn("traps", "unreachable", "SPELL_TRAPPED"),
    Turn("floods", "stderr"),
    Turn("floods", "stdout", "OUTPUT_TOO_LARGE"),
    Turn("memory", "grow_to_the_limit"),
    Turn("memory", "grow_by_steps", "MEMORY_EXCEEDED"),
    Turn("recursion", code="STACK_EXHAUSTED"),
    Turn("scratch_bombs", "made_and_removed", None, _SCRATCH, RunPolicy(scratch=True)),
    Turn("scratch_bombs", "one_file", "SCRATCH_EXCEEDED", _SCRATCH, RunPolicy(scratch=True)),
    Turn("false_progress", "malformed"),
    Turn("clock_and_chance", "chance"),
)


@dataclass(frozen=True)
class Footprint:
    """What a process holds."""

    resident_bytes: int
    descriptors: int
    mappings: int

    def __str__(self) -> str:
        resident_mib = self.resident_bytes / MIB
        return f"{resident_mib:6.1f} MiB, {self.descriptors} descriptors, {self.mappings} mappings"


def footprint_of(pid: int) -> Footprint:
    process = psutil.Process(pid)
    mappings = len(Path(f"/proc/{pid}/maps").read_text().splitlines())
    return Footprint(process.memory_info().rss, process.num_fds(), mappings)


def footprints(runner: subprocess.Popen[bytes]) -> dict[int, Footprint]:
    """Of the supervisor and all of its children, by process id."""
    return {pid: footprint_of(pid) for pid in (runner.pid, *children_of(runner))}


def files_of(folder: Path) -> set[Path]:
    """What lies on the runner's disk; files without a name would show as descriptors."""
    return set((folder / "data").rglob("*"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("soak")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[BusServer]:
    with bus_server(folder) as server:
        yield server


@pytest.fixture(scope="module")
async def caster(server: BusServer) -> AsyncIterator[Caster]:
    async with open_nats(server.platform_url, name="soak") as client:
        await ensure_streams(client.jetstream())
        yield Caster(NatsRunBus(client))


async def cast_many(caster: Caster, count: int) -> None:
    turns = itertools.islice(itertools.cycle(TURNS), count)

    async def one_lane() -> None:
        for turn in turns:
            verdict = await caster.cast(
                turn.module, entry=turn.entry, limits=turn.limits, policy=turn.policy
            )
            assert verdict.code == turn.code, turn

    await asyncio.gather(*(one_lane() for _ in range(LANES)))


@pytest.mark.timeout(600)
async def test_a_runner_holds_no_more_after_many_casts_than_after_a_thousand(
    caster: Caster, server: BusServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with runner_process(server, folder) as runner:
        await cast_many(caster, len(TURNS))
        start = footprints(runner)
        await cast_many(caster, WARM_CASTS - len(TURNS))
        warm, files = footprints(runner), files_of(folder)
        await cast_many(caster, CASTS - WARM_CASTS)
        end = footprints(runner)
        with capsys.disabled():
            print_table({len(TURNS): start, WARM_CASTS: warm, CASTS: end}, runner.pid)
        assert start.keys() == warm.keys() == end.keys(), "no process was lost"
        assert len(end) >= 2, "a supervisor and a sandbox process"
        for pid, held in end.items():
            assert held.resident_bytes - warm[pid].resident_bytes < GROWTH_BYTES_MAX
            assert held.descriptors == warm[pid].descriptors
            assert held.mappings <= warm[pid].mappings + 8, "an arena or two"
        assert files_of(folder) == files != set()


def print_table(rows: dict[int, dict[int, Footprint]], supervisor: int) -> None:
    print()  # noqa: T201
    for casts, held in rows.items():
        for pid, footprint in held.items():
            name = "supervisor" if pid == supervisor else f"child {pid}"
            print(f"after {casts:6} casts  {name:14} {footprint}")  # noqa: T201
