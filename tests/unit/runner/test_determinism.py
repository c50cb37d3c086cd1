"""Goal: a deterministic guest does the same again, bit for bit, wherever it runs.

Method: guests that draw chance, read clocks and sleep, run on several sandbox processes.
"""

import struct
import time

import pytest

from runner.processes.guest_run import Finished
from runner.processes.sandbox_process import SandboxProcess
from schema.contracts.run import RunPolicy
from tests.unit.runner.conftest import Reach, RunGuest

NOON_MS = 1_795_000_000_000
HOUR_NS = 3_600_000_000_000


def seeded(seed: str = "5e" * 32, clock_unix_ms: int = NOON_MS) -> Reach:
    return Reach(policy=RunPolicy(deterministic=True), seed=seed, clock_unix_ms=clock_unix_ms)


async def finished(run: RunGuest, entry: str, reach: Reach) -> Finished:
    end = await run("chance", entry, reach=reach)
    assert isinstance(end, Finished)
    assert end.report.code is None
    return end


def clocks(output: bytes, position: int) -> tuple[int, int]:
    """(wall, monotonic) nanoseconds of the first or second reading."""
    wall, monotonic = struct.unpack_from("<QQ", output, 48 * position + 32)
    return wall, monotonic


@pytest.mark.parametrize("entry", ["_start", "sleeps_an_hour", "gambles"])
async def test_the_same_seed_gives_the_same_output_and_fuel(run: RunGuest, entry: str) -> None:
    ends = [await finished(run, entry, seeded()) for _ in range(5)]
    assert len({end.output for end in ends}) == 1
    assert len({end.report.fuel for end in ends}) == 1
    assert len({end.report.host_calls for end in ends}) == 1


@pytest.mark.parametrize("entry", ["_start", "sleeps_an_hour", "gambles"])
async def test_another_process_gives_the_same(run: RunGuest, run_on: RunGuest, entry: str) -> None:
    here = await finished(run, entry, seeded())
    other = await SandboxProcess.start()
    try:
        there = await run_on(other, "chance", entry, reach=seeded())
    finally:
        await other.close()
    assert isinstance(there, Finished)
    assert (there.output, there.report.fuel) == (here.output, here.report.fuel)


async def test_another_seed_gives_other_random_numbers_and_another_way(run: RunGuest) -> None:
    ends = [await finished(run, "gambles", seeded(f"{n:02x}" * 32)) for n in range(8)]
    assert len({end.output for end in ends}) == 8
    assert len({end.report.fuel for end in ends}) > 1


async def test_random_numbers_do_not_repeat_within_a_run(run: RunGuest) -> None:
    output = (await finished(run, "_start", seeded())).output
    assert output[:32] != output[48:80]


async def test_the_wall_clock_starts_when_the_run_says_and_only_goes_forward(
    run: RunGuest,
) -> None:
    output = (await finished(run, "_start", seeded())).output
    (wall, monotonic), (later_wall, later_monotonic) = clocks(output, 0), clocks(output, 1)
    assert NOON_MS * 1_000_000 <= wall < NOON_MS * 1_000_000 + 1_000_000
    assert wall < later_wall
    assert monotonic < later_monotonic


async def test_a_sleep_moves_the_clock_and_takes_no_time(run: RunGuest) -> None:
    end = await finished(run, "sleeps_an_hour", seeded())
    before, after = clocks(end.output, 0), clocks(end.output, 1)
    assert after[0] - before[0] >= HOUR_NS
    assert after[1] - before[1] >= HOUR_NS
    assert end.report.waited_ms == 0


async def test_a_guest_that_is_not_deterministic_gets_real_chance_and_time(run: RunGuest) -> None:
    before = time.time_ns()
    outputs = [(await finished(run, "_start", Reach())).output for _ in range(2)]
    after = time.time_ns()
    assert outputs[0][:32] != outputs[1][:32]
    assert before <= clocks(outputs[0], 0)[0] <= clocks(outputs[1], 1)[0] <= after
