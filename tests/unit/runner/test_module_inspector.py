"""The inspection at publish refuses what would not run, with a sentence for the maker."""

import asyncio
import signal

import psutil
import pytest
import wasmtime

from activities.ports import ModuleInspector
from infra.module_inspector import SubprocessModuleInspector
from runner.compiling.checker import check_code_length
from runner.compiling.frozen_code import FrozenCode
from runner.processes.guest_run import Finished, GuestRun
from runner.processes.sandbox_process import SandboxProcess
from runner.refusals import ModuleRefusedError
from schema.errors import SpellError
from schema.limits import MIB, MODULE_BYTES_MAX
from tests.modules.guests import digest_of, guest
from tests.support.attendants import Bystander
from tests.unit.runner.conftest import LIMITS

EMPTY = b"\0asm\x01\0\0\0"
REFUSED = {
    "text": (b"(module)", "not a WebAssembly module in binary form"),
    "nothing": (b"", "not a WebAssembly module in binary form"),
    "a component": (b"\0asm\x0d\0\x01\0", "component"),
    "a cut module": (EMPTY + b"\x05", "not valid"),
    "a section that claims 4 GB": (EMPTY + b"\x05\xff\xff\xff\xff\x0f", "not valid"),
    "no entry": (EMPTY, "exports no '_start'"),
    "an entry that is a memory": ('(memory (export "_start") 1)', "not a function"),
    "an entry with parameters": ('(func (export "_start") (param i32))', "neither"),
    "an entry with results": ('(func (export "_start") (result i32) i32.const 1)', "neither"),
    "another host": ('(import "env" "f" (func)) (func (export "_start"))', "env.f"),
    "an older WASI": (
        '(import "wasi_unstable" "fd_write" (func)) (func (export "_start"))',
        "wasi_unstable.fd_write",
    ),
    "an unknown function": (
        '(import "wasi_snapshot_preview1" "fd_fly" (func)) (func (export "_start"))',
        "fd_fly",
    ),
    "a mistyped function": (
        '(import "wasi_snapshot_preview1" "proc_exit" (func)) (func (export "_start"))',
        "incompatible import type",
    ),
    "WASI without a memory": (guest("no_memory"), "exports no memory"),
    "two memories": ('(memory 1) (memory 1) (func (export "_start"))', "multiple memories"),
    "a shared memory": ('(memory 1 1 shared) (func (export "_start"))', "threads"),
    "a 64-bit memory": ('(memory i64 1) (func (export "_start"))', "memory64"),
    "a memory over the limit": ('(memory 65) (func (export "_start"))', "over the limit"),
    "a table over the limit": ('(table 200000 funcref) (func (export "_start"))', "tables"),
    "garbage collection": (
        '(type (struct (field i32))) (func (export "_start") (drop (struct.new_default 0)))',
        "not valid",
    ),
}


LARGE = bytes(
    wasmtime.wat2wasm(
        '(module (memory 1) (func (export "_start") (local i32)'
        "(local.set 0 (i32.load (i32.const 0)))"
        + "(local.set 0 (i32.rotl (i32.add (local.get 0) (i32.const 1)) (i32.const 3)))" * 200_000
        + "(i32.store (i32.const 0) (local.get 0))))"
    )
)


@pytest.fixture(scope="module")
def inspector() -> ModuleInspector:
    return SubprocessModuleInspector()


@pytest.mark.parametrize("what", REFUSED)
async def test_it_refuses(inspector: ModuleInspector, what: str) -> None:
    source, sentence = REFUSED[what]
    module = source if isinstance(source, bytes) else bytes(wasmtime.wat2wasm(f"(module {source})"))
    with pytest.raises(SpellError, match=sentence) as refusal:
        await inspector.inspect(module, "_start", 4 * MIB)
    assert refusal.value.code == "MODULE_INVALID"


async def test_it_refuses_a_module_that_is_too_large_without_looking_at_it(
    inspector: ModuleInspector,
) -> None:
    with pytest.raises(SpellError, match="too large"):
        await inspector.inspect(bytes(MODULE_BYTES_MAX + 1), "_start", 4 * MIB)


async def test_it_tells_the_facts_of_a_good_module(inspector: ModuleInspector) -> None:
    facts, _ = await inspector.inspect(guest("echo"), "_start", 4 * MIB)
    assert facts.imports == ["wasi_snapshot_preview1.fd_read", "wasi_snapshot_preview1.fd_write"]
    assert facts.exports == ["_start", "memory"]
    assert facts.memory_bytes_min == 2 * 65536


async def test_it_knows_the_size_of_a_memory_that_is_not_exported(
    inspector: ModuleInspector,
) -> None:
    facts, _ = await inspector.inspect(guest("hidden_memory"), "_start", MIB)
    assert facts.memory_bytes_min == 3 * 65536


async def test_it_hands_out_code_that_the_sandbox_runs(
    inspector: ModuleInspector, sandbox: SandboxProcess
) -> None:
    _, code = await inspector.inspect(guest("echo"), "_start", 4 * MIB)
    assert code.engine == sandbox.engine
    await sandbox.load(digest_of("echo"), FrozenCode.of(code.content))
    order = GuestRun(digest_of("echo"), "_start", LIMITS, inputs=b"compiled at publish")
    end = await sandbox.run(order, Bystander())
    assert isinstance(end, Finished)
    assert end.output == b"compiled at publish"


async def test_its_engine_is_the_one_that_it_tells_beforehand() -> None:
    inspector = SubprocessModuleInspector()
    _, code = await inspector.inspect(guest("hello"), "_start", MIB)
    assert await inspector.engine_name() == code.engine


async def test_an_inspection_that_takes_too_long_is_killed() -> None:
    """A module of one large function: the compiler cannot be told to stop, only killed."""
    with pytest.raises(SpellError, match="too long") as refusal:
        await SubprocessModuleInspector(timeout_seconds=0.3).inspect(LARGE, "_start", MIB)
    assert (refusal.value.code, refusal.value.details) == ("MODULE_INVALID", {"seconds_max": 0.3})
    assert not [child for child in psutil.Process().children() if _inspects(child)]


async def test_an_inspection_that_takes_too_much_memory_is_refused_with_its_limit() -> None:
    few = SubprocessModuleInspector(work_bytes_max=128 * MIB)
    await few.inspect(guest("hello"), "_start", MIB)
    with pytest.raises(SpellError, match="too much memory") as refusal:
        await few.inspect(LARGE, "_start", MIB)
    assert refusal.value.code == "MODULE_INVALID"
    assert refusal.value.details == {"compile_bytes_max": 128 * MIB}


async def test_a_module_whose_code_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schema.limits.COMPILED_BYTES_MAX", 1000)
    with pytest.raises(ModuleRefusedError, match="code is too large") as refusal:
        check_code_length(bytearray(1001))
    assert refusal.value.details == {"code_bytes_max": 1000}
    assert check_code_length(bytearray(1000)) == bytes(1000)


@pytest.mark.parametrize(
    ("signal_number", "code"),
    [(signal.SIGKILL, "INTERNAL"), (signal.SIGSEGV, "MODULE_INVALID")],
)
async def test_who_killed_an_inspection_decides_whose_fault_it_is(
    signal_number: signal.Signals, code: str
) -> None:
    task = asyncio.ensure_future(SubprocessModuleInspector().inspect(LARGE, "_start", MIB))
    (await _inspection()).send_signal(signal_number)
    with pytest.raises(SpellError) as refusal:
        await task
    assert refusal.value.code == code


async def test_a_cancelled_inspection_is_killed(inspector: ModuleInspector) -> None:
    task = asyncio.ensure_future(inspector.inspect(guest("hello"), "_start", MIB))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not [child for child in psutil.Process().children() if _inspects(child)]


async def _inspection() -> psutil.Process:
    while True:
        for process in psutil.Process().children():
            if _inspects(process):
                return process
        await asyncio.sleep(0.01)


def _inspects(process: psutil.Process) -> bool:
    try:
        return "runner.compiling.inspect" in process.cmdline()
    except psutil.NoSuchProcess:
        return False
