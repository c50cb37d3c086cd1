"""The inspection at publish refuses what would not run, with a sentence for the maker."""

import asyncio

import psutil
import pytest
import wasmtime

from activities.ports import ModuleInspector
from infra.module_inspector import SubprocessModuleInspector
from schema.errors import SpellError
from schema.limits import MIB, MODULE_BYTES_MAX
from tests.modules.guests import guest

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


async def test_an_inspection_that_takes_too_long_is_killed() -> None:
    with pytest.raises(SpellError, match="too long"):
        await SubprocessModuleInspector(timeout_seconds=0.001).inspect(
            guest("hello"), "_start", MIB
        )
    assert not [child for child in psutil.Process().children() if _inspects(child)]


async def test_a_cancelled_inspection_is_killed(inspector: ModuleInspector) -> None:
    task = asyncio.ensure_future(inspector.inspect(guest("hello"), "_start", MIB))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not [child for child in psutil.Process().children() if _inspects(child)]


def _inspects(process: psutil.Process) -> bool:
    try:
        return "runner.compiling.inspect" in process.cmdline()
    except psutil.NoSuchProcess:
        return False
