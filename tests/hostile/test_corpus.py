"""Goal: whatever a guest does, it ends with its documented code, within its limits, and the next
guest does not notice.

Method: one real sandbox process for the whole table; after each guest the `cast` fixture casts an
echo in it and looks whether it is still the same process.
"""

import struct
from pathlib import Path

import pytest

from schema.contracts.run import RunLimits
from schema.limits import MIB, PROGRESS_PER_SECOND_MAX
from schema.packaging.artifact_archive import read_artifacts
from tests.hostile.case import REAL, Case, answered
from tests.hostile.conftest import Cast, End, limits_of
from tests.hostile.made import MADE
from tests.hostile.table import TABLE
from tests.hostile.test_refused_modules import MODULES
from tests.modules.guests import guest_names

GUESTS = Path(__file__).with_name("guests")


@pytest.mark.parametrize("case", TABLE, ids=str)
async def test_a_hostile_guest_ends_as_documented(cast: Cast, case: Case) -> None:
    end = await cast(case)
    assert differences(case, end) == {}
    assert excesses(limits_of(case), end) == []


def differences(case: Case, end: End) -> dict[str, object]:
    """What is not as the table says, with what it is."""
    finished, report = end.finished, end.finished.report
    left = read_artifacts(finished.artifacts, report.artifact_bytes)
    said = answered(finished.output) if case.answers is not None else None
    found = {
        "code": (case.code, report.code),
        "answers": (case.answers, said),
        "details": (case.details, report.details),
        "output": (case.output, finished.output),
        "stderr": (case.stderr, finished.stderr),
        "violations": (case.violations, {one.kind for one in report.violations}),
        "artifacts": (case.artifacts, left),
        "progress": (case.progress, len(end.progress)),
    }
    compared_always = {"code", "violations", "progress"}
    return {
        name: {"is": is_so, "code": report.code, "details": report.details}
        for name, (wanted, is_so) in found.items()
        if wanted != is_so and (wanted is not None or name in compared_always)
    }


def excesses(limits: RunLimits, end: End) -> list[str]:
    """Figures of the report that are over their limits."""
    report = end.finished.report
    bounds = {
        "fuel": (report.fuel, limits.fuel),
        "memory": (report.memory_bytes_peak, limits.memory_bytes_max),
        "output": (report.output_bytes, limits.output_bytes_max),
        "stderr": (report.stderr_bytes, limits.stderr_bytes_max),
        "stderr itself": (len(end.finished.stderr), report.stderr_bytes),
        "host calls": (report.host_calls, limits.host_calls_max),
        "artifacts": (report.artifact_bytes, limits.artifacts_bytes_max),
        "scratch": (report.scratch_bytes_peak, limits.scratch_bytes_max),
    }
    return [f"{name}: {used} > {most}" for name, (used, most) in bounds.items() if used > most]


def test_the_corpus_is_large_and_all_of_it_is_cast() -> None:
    cast = {case.module for case in TABLE} | {"exits_by_input"}
    sources = {path.stem for path in GUESTS.glob("*.wat")}
    assert len(cast) >= 60
    assert (sources | set(MADE)) - cast == set(MODULES) - cast, "the others are refused"


def test_every_guest_has_a_name_of_its_own() -> None:
    assert len(guest_names()) == len(set(guest_names()))


def test_every_row_says_what_its_guest_must_not_do() -> None:
    assert [str(case) for case in TABLE if not case.must_not] == []


async def test_every_exit_code_is_told(cast: Cast) -> None:
    for exit_code in (*range(1, 256), 256, 65_536, 2**31 - 1, 2**31, 2**32 - 1):
        case = Case("exits_by_input", "_start", "", stdin=struct.pack("<I", exit_code))
        report = (await cast(case)).finished.report
        assert (report.code, report.details) == ("SPELL_FAILED", {"exit_code": exit_code})


async def test_exit_code_0_is_a_success(cast: Cast) -> None:
    end = await cast(Case("exits_by_input", "_start", "", stdin=bytes(4)))
    assert (end.finished.report.code, end.finished.report.details) == (None, {})


@pytest.mark.parametrize("entry", ["clocks", "chance"])
async def test_equal_seeds_look_equal_and_others_do_not(cast: Cast, entry: str) -> None:
    case = Case("clock_and_chance", entry, "")
    first, again = [(await cast(case)).finished.output for _ in range(2)]
    other = (await cast(case, seed="0" * 64)).finished.output
    assert first == again
    assert len(first) == {"clocks": 32, "chance": 64}[entry]
    assert (first != other) == (entry == "chance")


async def test_chance_without_a_seed_is_never_the_same(cast: Cast) -> None:
    case = Case("clock_and_chance", "chance", "", grants=REAL)
    drawn = {(await cast(case)).finished.output for _ in range(10)}
    assert len(drawn) == 10
    assert {len(output) for output in drawn} == {64}


async def test_a_flood_of_reports_is_put_together(cast: Cast) -> None:
    end = await cast(Case("false_progress", "thousands", ""))
    report = end.finished.report
    assert (report.code, end.finished.stderr) == (None, b"")
    most = report.wall_ms / 1000 * PROGRESS_PER_SECOND_MAX + 2
    assert 1 <= len(end.progress) <= most


async def test_fuel_is_used_to_the_last_unit_and_no_further(cast: Cast) -> None:
    case = Case("time", "loop_for_ever", "", limits={"fuel": 1_000_000})
    assert (await cast(case)).finished.report.fuel == 1_000_000


@pytest.mark.parametrize("entry", ["grow_by_steps", "grow_to_the_limit"])
async def test_memory_is_metered_up_to_the_limit(cast: Cast, entry: str) -> None:
    assert (await cast(Case("memory", entry, ""))).finished.report.memory_bytes_peak == 4 * MIB


async def test_a_memory_that_is_not_exported_is_metered_too(cast: Cast) -> None:
    end = await cast(Case("hidden_memory", "_start", ""))
    assert end.finished.report.memory_bytes_peak == 3 * 65536


async def test_a_flood_is_metered_up_to_its_limit_and_not_handed_on(cast: Cast) -> None:
    end = await cast(Case("floods", "stdout", "", limits={"output_bytes_max": 1000}))
    assert (end.finished.report.output_bytes, end.finished.output) == (1000, b"")


async def test_input_of_a_megabyte_comes_back_whole(cast: Cast) -> None:
    sent = bytes(range(256)) * 4096
    end = await cast(Case("echo", "_start", "", stdin=sent, limits={"output_bytes_max": 2 * MIB}))
    assert end.finished.output == sent


async def test_a_sleep_within_the_time_limit_is_slept(cast: Cast) -> None:
    report = (await cast(Case("time", "sleep_a_while", "", grants=REAL))).finished.report
    assert report.code is None
    assert report.wall_ms >= report.waited_ms >= 50


async def test_a_guest_that_calls_without_end_cannot_keep_the_alarm_from_ringing(
    cast: Cast,
) -> None:
    # Killed 500 ms after its time, it would be no `Finished`; by chance, so it is tried often.
    limits = {"fuel": 10**12, "timeout_ms": 20}
    case = Case("clock_and_chance", "random_for_ever", "", limits=limits)
    codes = {(await cast(case)).finished.report.code for _ in range(100)}
    assert codes == {"TIME_EXCEEDED"}
