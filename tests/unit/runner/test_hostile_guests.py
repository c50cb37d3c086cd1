"""Goal: whatever a guest does, it ends with the right code, and the next guest does not notice.

Method: one real sandbox process for all tests; the `run` fixture casts an echo after each.
"""

import pytest

from runner.refusals import ModuleRefusedError
from runner.sandbox_process import Finished
from schema.limits import MIB
from tests.unit.runner.conftest import LIMITS, RunGuest

TRAPS = [
    "unreachable",
    "integer_division_by_zero",
    "integer_overflow",
    "bad_conversion_to_integer",
    "memory_out_of_bounds",
    "table_out_of_bounds",
    "indirect_call_to_null",
    "bad_signature",
]


async def code_of(run: RunGuest, *arguments: object, **limits: int) -> str | None:
    end = await run(*arguments, **limits)
    assert isinstance(end, Finished)
    return end.report.code


async def test_a_guest_that_returns_succeeds_with_its_output(run: RunGuest) -> None:
    end = await run("hello")
    assert isinstance(end, Finished)
    assert end.report.code is None
    assert end.output == b'{"hello":"world"}'


async def test_input_of_a_megabyte_comes_back_whole(run: RunGuest) -> None:
    sent = bytes(range(256)) * 4096
    end = await run("echo", stdin=sent, output_bytes_max=2 * MIB)
    assert isinstance(end, Finished)
    assert end.output == sent


async def test_a_loop_without_end_runs_out_of_fuel_and_uses_exactly_its_limit(
    run: RunGuest,
) -> None:
    end = await run("time", "loop_for_ever", fuel=1_000_000)
    assert isinstance(end, Finished)
    assert end.report.code == "FUEL_EXHAUSTED"
    assert end.report.fuel == 1_000_000


@pytest.mark.parametrize("entry", ["loop_for_ever", "call_for_ever"])
async def test_a_loop_with_fuel_left_is_interrupted_at_its_time_limit(
    run: RunGuest, entry: str
) -> None:
    assert await code_of(run, "time", entry, fuel=10**12, timeout_ms=100) == "TIME_EXCEEDED"


async def test_a_loop_in_the_start_function_runs_out_of_fuel(run: RunGuest) -> None:
    assert await code_of(run, "start_loop", fuel=1_000_000) == "FUEL_EXHAUSTED"


async def test_a_loop_in_the_start_function_is_interrupted_at_its_time_limit(
    run: RunGuest,
) -> None:
    assert await code_of(run, "start_loop", fuel=10**12, timeout_ms=100) == "TIME_EXCEEDED"


async def test_a_trap_in_the_start_function_is_a_trap(run: RunGuest) -> None:
    assert await code_of(run, "start_trap") == "SPELL_TRAPPED"


async def test_endless_recursion_exhausts_the_stack(run: RunGuest) -> None:
    assert await code_of(run, "recursion") == "STACK_EXHAUSTED"


@pytest.mark.parametrize("trap", TRAPS)
async def test_a_trap_is_named(run: RunGuest, trap: str) -> None:
    end = await run("traps", trap)
    assert isinstance(end, Finished)
    assert (end.report.code, end.report.details) == ("SPELL_TRAPPED", {"trap": trap})


@pytest.mark.parametrize("entry", ["grow_by_steps", "grow_at_once", "grow_and_say_no"])
async def test_failing_for_want_of_memory_is_memory_exceeded(run: RunGuest, entry: str) -> None:
    end = await run("memory", entry)
    assert isinstance(end, Finished)
    assert end.report.code == "MEMORY_EXCEEDED"
    assert end.report.details == {"memory_bytes_max": 4 * MIB}


async def test_memory_grown_by_steps_is_metered_up_to_the_limit(run: RunGuest) -> None:
    end = await run("memory", "grow_by_steps")
    assert isinstance(end, Finished)
    assert end.report.memory_bytes_peak == 4 * MIB


async def test_all_of_the_allowed_memory_can_be_used(run: RunGuest) -> None:
    end = await run("memory", "grow_to_the_limit")
    assert isinstance(end, Finished)
    assert (end.report.code, end.report.memory_bytes_peak) == (None, 4 * MIB)


@pytest.mark.parametrize("entry", ["grow_and_do_without", "grow_over_its_own_maximum"])
async def test_a_guest_that_does_without_more_memory_succeeds(run: RunGuest, entry: str) -> None:
    assert await code_of(run, "memory", entry) is None


@pytest.mark.parametrize("entry", ["read_behind_what_was_grown", "read_as_far_as_can_be"])
async def test_nothing_can_be_read_behind_the_memory(run: RunGuest, entry: str) -> None:
    end = await run("memory", entry)
    assert isinstance(end, Finished)
    assert end.report.details == {"trap": "memory_out_of_bounds"}


async def test_a_memory_that_begins_over_the_limit_is_memory_exceeded(run: RunGuest) -> None:
    assert await code_of(run, "memory_minimum") == "MEMORY_EXCEEDED"


async def test_a_memory_that_is_not_exported_is_metered_too(run: RunGuest) -> None:
    end = await run("hidden_memory")
    assert isinstance(end, Finished)
    assert end.report.memory_bytes_peak == 3 * 65536


async def test_a_table_cannot_grow_without_end(run: RunGuest) -> None:
    assert await code_of(run, "tables") == "SPELL_TRAPPED"


@pytest.mark.parametrize("entry", ["stdout", "both"])
async def test_too_much_output_is_output_too_large(run: RunGuest, entry: str) -> None:
    end = await run("floods", entry)
    assert isinstance(end, Finished)
    assert end.report.code == "OUTPUT_TOO_LARGE"
    assert end.report.output_bytes == LIMITS.output_bytes_max
    assert end.output == b""


async def test_writing_on_without_end_after_the_output_is_full_ends_too(run: RunGuest) -> None:
    assert await code_of(run, "floods", "stdout_persistently", fuel=100_000) == "OUTPUT_TOO_LARGE"


async def test_output_of_exactly_the_limit_is_accepted(run: RunGuest) -> None:
    end = await run("floods", "exactly_1000_bytes", output_bytes_max=1000, stderr_bytes_max=1000)
    assert isinstance(end, Finished)
    assert (end.report.code, len(end.output)) == (None, 1000)


@pytest.mark.parametrize("stderr_bytes_max", [1000, 10_000])
async def test_output_of_one_byte_over_the_limit_is_output_too_large(
    run: RunGuest, stderr_bytes_max: int
) -> None:
    limits = {"output_bytes_max": 1000, "stderr_bytes_max": stderr_bytes_max}
    assert await code_of(run, "floods", "one_byte_over_1000", **limits) == "OUTPUT_TOO_LARGE"


async def test_a_flood_of_the_error_stream_is_cut_and_does_not_fail_the_run(run: RunGuest) -> None:
    end = await run("floods", "stderr")
    assert isinstance(end, Finished)
    assert end.report.code is None
    assert len(end.stderr) == end.report.stderr_bytes == LIMITS.stderr_bytes_max


async def test_exit_code_0_succeeds(run: RunGuest) -> None:
    assert await code_of(run, "exits", "exit_0") is None


@pytest.mark.parametrize(
    ("entry", "exit_code"),
    [
        ("exit_1", 1),
        ("exit_125", 125),
        ("exit_126", 126),
        ("exit_255", 255),
        ("exit_minus_1", 2**32 - 1),
    ],
)
async def test_another_exit_code_is_the_spells_own_refusal(
    run: RunGuest, entry: str, exit_code: int
) -> None:
    end = await run("exits", entry)
    assert isinstance(end, Finished)
    assert end.report.code == "SPELL_FAILED"
    assert end.report.details == {"exit_code": exit_code}


@pytest.mark.parametrize("entry", ["_start", "memory", "wants_a_number", "gives_a_number"])
async def test_an_entry_point_that_is_none_is_refused_before_anything_runs(
    run: RunGuest, entry: str
) -> None:
    with pytest.raises(ModuleRefusedError, match=entry):
        await run("entries", entry)


async def test_data_that_does_not_fit_its_memory_is_a_trap(run: RunGuest) -> None:
    end = await run("data_past_memory")
    assert isinstance(end, Finished)
    assert end.report.details == {"trap": "memory_out_of_bounds"}


async def test_writing_without_a_memory_writes_nothing(run: RunGuest) -> None:
    end = await run("no_memory")
    assert isinstance(end, Finished)
    assert (end.report.code, end.output) == (None, b"")


@pytest.mark.parametrize(
    "entry", ["no_environment", "no_arguments_but_its_name", "no_folders", "no_files"]
)
async def test_a_guest_finds_nothing_around_it(run: RunGuest, entry: str) -> None:
    assert await code_of(run, "surroundings", entry) is None


async def test_a_sleep_within_the_time_limit_is_slept(run: RunGuest) -> None:
    end = await run("time", "sleep_a_while")
    assert isinstance(end, Finished)
    assert end.report.code is None
    assert end.report.wall_ms >= 50
