"""Goal: a component ends as a core module would, whatever it does, and the next does not notice.

Method: components in text and core test modules wrapped as commands, on one real sandbox process;
the `run` fixture of the core modules casts an echo after each.
"""

import json
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from runner.compiling.frozen_code import FrozenCode
from runner.processes.guest_run import Finished, GuestRun
from runner.processes.sandbox_process import SandboxProcess
from runner.refusals import ModuleRefusedError
from schema.contracts.run import RunLimits, RunPolicy
from schema.ids import sha256_digest
from schema.limits import COMPONENT_INSTANCES_MAX, COMPONENT_MEMORIES_MAX, MIB
from schema.violations import ViolationKind
from tests.hostile.cases.computing import NAMED_TRAPS
from tests.modules.code import code_store
from tests.modules.component_guests import as_command, component, many_modules
from tests.unit.runner.conftest import LIMITS, Reach, RunGuest

COMMAND = "wasi:cli/run"
SEEDED = RunPolicy(deterministic=True)

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"

Compiled = Callable[[str, bytes], Awaitable[FrozenCode]]
RunComponent = Callable[..., Awaitable[Finished]]


@pytest.fixture(scope="session")
def component_code(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    waiting: dict[str, bytes] = {}

    async def fetch(digest: str) -> bytes:
        return waiting[digest]

    store = code_store(tmp_path_factory.mktemp("components"), fetch)

    async def compiled(engine: str, wasm: bytes) -> FrozenCode:
        digest = sha256_digest(wasm)
        waiting[digest] = wasm
        return await store.compiled(engine, digest)

    return compiled


@pytest.fixture
def cast(sandbox: SandboxProcess, component_code: Compiled, run: RunGuest) -> RunComponent:
    """Run a component on the shared process, which must serve the echo of `run` afterwards."""
    del run
    return partial(run_on, sandbox, component_code)


async def run_on(
    process: SandboxProcess,
    compiled: Compiled,
    wasm: bytes,
    entry: str = COMMAND,
    inputs: bytes = b"",
    reach: Reach | None = None,
    **limits: int,
) -> Finished:
    """Run a component on a process, with the test's limits where it names any."""
    digest, reach = sha256_digest(wasm), reach or Reach()
    if digest not in process.warm:
        await process.load(digest, await compiled(process.engine, wasm))
    guest = GuestRun(
        module_digest=digest,
        entry=entry,
        bounds=RunLimits.model_validate({**LIMITS.model_dump(), **limits}),
        policy=reach.policy,
        seed=reach.seed,
        clock_unix_ms=reach.clock_unix_ms,
        inputs=inputs,
        environment=json.dumps(reach.environment).encode(),
    )
    end = await process.run(guest, reach.attendant)
    assert isinstance(end, Finished)
    return end


def end_of(end: Finished) -> tuple[str | None, dict[str, object]]:
    return end.report.code, end.report.details


# What it answers


async def test_a_function_gets_the_inputs_and_answers_the_output(cast: RunComponent) -> None:
    end = await cast(component("texts"), "echo", '{"word": "é"}'.encode())
    assert (end.report.code, end.output, end.stderr) == (None, '{"word": "é"}'.encode(), b"")
    assert end.report.fuel > 0
    assert end.report.memory_bytes_peak == 65536
    assert end.report.output_bytes == len(end.output)


async def test_inputs_of_four_megabytes_come_back_whole(cast: RunComponent) -> None:
    sent = b"x" * (4 * MIB)
    end = await cast(
        component("texts"), "echo", sent, output_bytes_max=4 * MIB, memory_bytes_max=16 * MIB
    )
    assert end.output == sent


async def test_an_error_text_is_the_failure_and_goes_to_the_error_stream(
    cast: RunComponent,
) -> None:
    end = await cast(component("texts"), "refuse", b"not that")
    assert end_of(end) == ("SPELL_FAILED", {"exit_code": 1})
    assert (end.output, end.stderr) == (b"", b"not that")


async def test_an_error_text_over_the_limit_of_the_error_stream_is_cut(cast: RunComponent) -> None:
    end = await cast(component("texts"), "refuse", b"no" * 20_000, stderr_bytes_max=1000)
    assert end_of(end) == ("SPELL_FAILED", {"exit_code": 1})
    assert end.stderr == b"no" * 500


async def test_an_answer_over_the_limit_of_output_is_refused(cast: RunComponent) -> None:
    end = await cast(component("texts"), "too-much")
    assert end_of(end) == ("OUTPUT_TOO_LARGE", {"output_bytes_max": LIMITS.output_bytes_max})


@pytest.mark.parametrize("entry", ["outside", "no-text"])
async def test_an_answer_that_is_no_text_in_its_memory_is_a_trap(
    cast: RunComponent, entry: str
) -> None:
    end = await cast(component("texts"), entry)
    assert end_of(end) == ("SPELL_TRAPPED", {"trap": "component_interface"})


async def test_a_command_reads_standard_input_and_its_output_is_standard_output(
    cast: RunComponent,
) -> None:
    sent = bytes(range(256)) * 200
    end = await cast(component("surroundings"), COMMAND, sent)
    assert (end.report.code, end.output) == (None, sent)
    assert end.report.host_calls > 2 * len(sent) // 4096


async def test_a_command_that_prints_over_the_limit_is_ended(cast: RunComponent) -> None:
    end = await cast(component("surroundings"), COMMAND, bytes(200_000))
    assert end_of(end) == ("OUTPUT_TOO_LARGE", {"output_bytes_max": LIMITS.output_bytes_max})


# Limits


async def test_a_loop_without_end_runs_out_of_fuel_and_uses_exactly_its_limit(
    cast: RunComponent,
) -> None:
    end = await cast(as_command("start_loop", "_start"), fuel=1_000_000)
    assert end_of(end) == ("FUEL_EXHAUSTED", {"fuel": 1_000_000})
    assert end.report.fuel == 1_000_000


async def test_a_loop_with_fuel_left_is_interrupted_at_its_time_limit(cast: RunComponent) -> None:
    end = await cast(as_command("start_loop", "_start"), fuel=10**12, timeout_ms=100)
    assert end_of(end) == ("TIME_EXCEEDED", {"timeout_ms": 100})


async def test_processor_time_has_its_own_limit(cast: RunComponent) -> None:
    end = await cast(as_command("start_loop", "_start"), fuel=10**12, cpu_ms_max=100)
    assert end_of(end) == ("CPU_EXCEEDED", {"cpu_ms_max": 100})


async def test_endless_recursion_exhausts_the_stack(cast: RunComponent) -> None:
    assert (await cast(as_command("recursion", "_start"))).report.code == "STACK_EXHAUSTED"


@pytest.mark.parametrize("trap", NAMED_TRAPS)
async def test_a_trap_is_named(cast: RunComponent, trap: str) -> None:
    assert end_of(await cast(as_command("traps", trap))) == ("SPELL_TRAPPED", {"trap": trap})


async def test_a_function_named_like_a_trap_does_not_pass_for_one(cast: RunComponent) -> None:
    """The names of a backtrace are the guest's to choose."""
    end = await cast(component("liar"))
    assert end_of(end) == ("SPELL_TRAPPED", {"trap": "unreachable"})


async def test_failing_for_want_of_memory_is_memory_exceeded(cast: RunComponent) -> None:
    end = await cast(component("texts"), "echo", b"x" * MIB, memory_bytes_max=MIB)
    assert end_of(end) == ("MEMORY_EXCEEDED", {"memory_bytes_max": MIB})


async def test_a_memory_that_begins_over_the_limit_is_memory_exceeded(cast: RunComponent) -> None:
    end = await cast(as_command("memory_minimum", "_start"))
    assert end.report.code == "MEMORY_EXCEEDED"


async def test_calls_to_the_platform_are_counted_and_bounded(cast: RunComponent) -> None:
    end = await cast(component("surroundings"), "ask-for-ever", host_calls_max=1000)
    assert end_of(end) == ("HOST_CALLS_EXCEEDED", {"host_calls_max": 1000})
    assert (ViolationKind.HOST_CALLS, 1) in {(v.kind, v.count) for v in end.report.violations}


async def test_handles_are_bounded_and_free_again_when_dropped(cast: RunComponent) -> None:
    end = await cast(component("surroundings"), "hoard")
    assert end_of(end) == ("SPELL_TRAPPED", {"trap": "too_many_handles"})
    assert (await cast(component("surroundings"), "let-go")).report.code is None


async def test_a_flood_in_one_call_is_ended(cast: RunComponent) -> None:
    end = await cast(component("surroundings"), "flood", memory_bytes_max=64 * MIB)
    assert end.report.code == "SPELL_TRAPPED"
    assert end.output == b""


async def test_more_random_bytes_than_there_is_room_for_are_refused(cast: RunComponent) -> None:
    end = await cast(component("surroundings"), "much-chance")
    assert end_of(end) == ("SPELL_TRAPPED", {"trap": "too_many_random_bytes"})


async def test_the_modules_of_a_component_are_bounded(cast: RunComponent) -> None:
    assert (await cast(many_modules(COMPONENT_INSTANCES_MAX - 1))).report.code is None
    end = await cast(many_modules(COMPONENT_INSTANCES_MAX + 1))
    assert end_of(end) == ("SPELL_TRAPPED", {"trap": "instantiation"})


async def test_the_memories_of_a_component_are_bounded_in_number_and_together(
    cast: RunComponent,
) -> None:
    wasm = many_modules(COMPONENT_MEMORIES_MAX + 2, "(memory 2)")
    end = await cast(wasm)
    assert (end.report.code, end.report.memory_bytes_peak) == (
        None,
        COMPONENT_MEMORIES_MAX * 2 * 65536,
    )
    assert (await cast(wasm, memory_bytes_max=MIB)).report.code == "MEMORY_EXCEEDED"
    end = await cast(many_modules(COMPONENT_MEMORIES_MAX + 3, "(memory 2)"))
    assert end_of(end) == ("SPELL_TRAPPED", {"trap": "instantiation"})


# What it finds around it


@pytest.mark.parametrize("entry", ["chance", "time", "sleep"])
async def test_a_deterministic_run_replays_bit_for_bit(cast: RunComponent, entry: str) -> None:
    reach = Reach(policy=SEEDED, clock_unix_ms=1_700_000_000_123)
    first, second = [await cast(component("surroundings"), entry, reach=reach) for _ in range(2)]
    assert first.report.code is None
    assert (first.output, first.report.fuel) == (second.output, second.report.fuel)


async def test_another_seed_gives_other_random_numbers(cast: RunComponent) -> None:
    reaches = [Reach(policy=SEEDED, seed=byte * 32) for byte in ("00", "01")]
    outputs = {(await cast(component("surroundings"), "chance", reach=r)).output for r in reaches}
    assert len(outputs) == 2


async def test_a_seeded_clock_starts_when_the_run_was_scheduled(cast: RunComponent) -> None:
    reach = Reach(policy=SEEDED, clock_unix_ms=1_700_000_000_123)
    output = (await cast(component("surroundings"), "time", reach=reach)).output
    seconds, nanoseconds, first, second = (
        int(output[at : at + 16], 16) for at in range(0, len(output), 16)
    )
    assert (seconds, nanoseconds // 1_000_000) == (1_700_000_000, 123)
    assert second > first


async def test_an_hour_of_sleep_passes_at_once_on_a_seeded_clock(cast: RunComponent) -> None:
    end = await cast(component("surroundings"), "sleep", reach=Reach(policy=SEEDED))
    assert end.report.code is None
    assert int(end.output, 16) >= 3600 * 10**9


async def test_of_several_waits_the_shortest_ends_the_poll(cast: RunComponent) -> None:
    end = await cast(component("surroundings"), "first", reach=Reach(policy=SEEDED))
    count, place, now = (int(end.output[at : at + 16], 16) for at in (0, 16, 32))
    assert (count, place) == (1, 1)
    assert 10**9 <= now < 2 * 10**9


async def test_to_poll_nothing_is_a_trap(cast: RunComponent) -> None:
    end = await cast(component("surroundings"), "poll-nothing")
    assert end_of(end) == ("SPELL_TRAPPED", {"trap": "poll_of_nothing"})


async def test_an_hour_of_sleep_on_a_real_clock_ends_at_the_time_limit(cast: RunComponent) -> None:
    end = await cast(component("surroundings"), "sleep", timeout_ms=100)
    assert end_of(end) == ("TIME_EXCEEDED", {"timeout_ms": 100})


async def test_the_environment_is_what_the_run_was_given(cast: RunComponent) -> None:
    reach = Reach(environment={"TOKEN": "a=b"})
    assert (await cast(component("surroundings"), "environment", reach=reach)).output == b"a=b"


async def test_leaving_with_a_failure_is_a_failure(cast: RunComponent) -> None:
    end = await cast(component("surroundings"), "leave")
    assert end_of(end) == ("SPELL_FAILED", {"exit_code": 1})


async def test_leaving_well_is_a_success_without_output(cast: RunComponent) -> None:
    end = await cast(component("surroundings"), "leave-well")
    assert (end.report.code, end.output) == (None, b"")


async def test_what_a_function_prints_goes_into_its_log(cast: RunComponent) -> None:
    end = await cast(component("surroundings"), "print", b"a note\n")
    assert (end.report.code, end.output, end.stderr) == (None, b"", b"a note\n")


async def test_a_function_reports_progress_like_any_guest(cast: RunComponent) -> None:
    reach = Reach()
    end = await cast(component("surroundings"), "print", b'::progress {"part": 1}\n', reach)
    assert (end.stderr, reach.attendant.progress) == (b"", [{"part": 1}])


async def test_an_interpreter_replays_bit_for_bit_in_another_process(
    cast: RunComponent, component_code: Compiled
) -> None:
    wasm = (EXAMPLES / "letter" / "spell.wasm").read_bytes()
    inputs = (EXAMPLES / "letter" / "inputs.json").read_bytes()
    here = await cast(wasm, "cast", inputs, Reach(policy=SEEDED))
    assert here.report.code is None
    elsewhere = await SandboxProcess.start()
    try:
        again = await run_on(elsewhere, component_code, wasm, "cast", inputs, Reach(policy=SEEDED))
    finally:
        await elsewhere.close()
    assert (here.output, here.report.fuel) == (again.output, again.report.fuel)
    assert here.report.memory_bytes_peak == again.report.memory_bytes_peak


# What is refused before it runs


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("no-such", "exports no 'no-such'"),
        ("count", "another type"),
        (COMMAND, "exports no wasi:cli/run"),
    ],
)
async def test_an_entry_that_is_missing_or_of_another_type_does_not_run(
    cast: RunComponent, entry: str, words: str
) -> None:
    with pytest.raises(ModuleRefusedError, match=words):
        await cast(component("texts"), entry)


async def test_core_modules_and_components_take_turns(cast: RunComponent, run: RunGuest) -> None:
    await cast(component("texts"), "echo", b"{}")
    end = await run("hello")
    assert isinstance(end, Finished)
    assert end.output == b'{"hello":"world"}'
