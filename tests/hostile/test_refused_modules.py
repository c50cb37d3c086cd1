"""Goal: what must not run is refused before any of it runs, at publish and again before a cast.

Method: the inspection of publish, then the real sandbox process if it can be compiled at all.
"""

import pytest
import wasmtime

from runner.compiling.inspect import inspect
from runner.refusals import ModuleRefusedError
from schema.ids import sha256_digest
from schema.limits import MIB
from tests.hostile.case import Case
from tests.hostile.conftest import Cast, Cell, compile_here
from tests.modules.guests import guest

# What stands before an entry point and a memory; with a part of the sentence that refuses it.
IMPORTS = {
    "a memory": ('(import "env" "memory" (memory 1))', "env.memory"),
    "a table": ('(import "env" "table" (table 1 funcref))', "env.table"),
    "a global": ('(import "env" "base" (global i32))', "env.base"),
    "a mutable global": ('(import "env" "sp" (global (mut i32)))', "env.sp"),
    "a function of another host": ('(import "env" "emscripten_exit" (func))', "emscripten_exit"),
    "JavaScript glue": ('(import "__wbindgen_placeholder__" "f" (func))', "__wbindgen"),
    "no module name": ('(import "" "" (func))', "imports ."),
    "unstable WASI": ('(import "wasi_unstable" "fd_write" (func))', "wasi_unstable.fd_write"),
    "WASI threads": (
        '(import "wasi" "thread-spawn" (func (param i32) (result i32)))',
        "thread-spawn",
    ),
    "preview 2": ('(import "wasi:cli/run@0.2.0" "run" (func))', "wasi:cli"),
    "an unknown function of WASI": (
        '(import "wasi_snapshot_preview1" "sock_open" (func))',
        "sock_open",
    ),
    "WASI's memory": (
        '(import "wasi_snapshot_preview1" "memory" (memory 1))',
        "wasi_snapshot_preview1.memory",
    ),
    "a function of WASI as a global": (
        '(import "wasi_snapshot_preview1" "fd_write" (global i32))',
        "does not fit",
    ),
    "a mistyped function of WASI": (
        '(import "wasi_snapshot_preview1" "fd_write" (func (param i64)))',
        "does not fit",
    ),
    "a function of WASI with a result too many": (
        '(import "wasi_snapshot_preview1" "proc_exit" (func (param i32) (result i32)))',
        "does not fit",
    ),
    "an unknown function of ours": ('(import "spell" "http_fetch_all" (func))', "http_fetch_all"),
    "a mistyped function of ours": (
        '(import "spell" "http_fetch" (func (param i64 i64)))',
        "does not fit",
    ),
}
# Whole modules that are refused as they are.
MODULES = {
    "exceptions": "exceptions",
    "too_many_locals": "locals",
    "huge_branch_table": "not valid",
    "too_many_data_segments": "data segments",
    "tables_together": "tables",
    "table_minimum": "tables",
    "memory_minimum": "memory",
    "four_gigabytes": "memory",
    "no_memory": "memory",
}
ENTRIES = {
    "_start": "exports no",
    "memory": "not a function",
    "wants_a_number": "parameters",
    "gives_a_number": "results",
}


@pytest.mark.parametrize("what", IMPORTS)
async def test_a_module_that_imports_what_is_not_offered_is_refused(cell: Cell, what: str) -> None:
    line, sentence = IMPORTS[what]
    memory = '(memory (export "own") 1)' if "(memory" not in line else ""
    wasm = bytes(wasmtime.wat2wasm(f'(module {line} {memory} (func (export "_start")))'))
    assert sentence in refusal_at_publish(wasm)
    with pytest.raises(ModuleRefusedError, match=sentence):
        await cell.process.load(sha256_digest(wasm), compile_here(wasm))
    assert cell.process.alive


@pytest.mark.parametrize("name", MODULES)
def test_a_module_that_is_too_much_is_refused(name: str) -> None:
    assert MODULES[name] in refusal_at_publish(guest(name))


@pytest.mark.parametrize("entry", ENTRIES)
async def test_an_entry_that_is_none_is_refused_before_anything_runs(
    cast: Cast, entry: str
) -> None:
    with pytest.raises(ModuleRefusedError, match=ENTRIES[entry]):
        await cast(Case("entries", entry, ""))


def refusal_at_publish(wasm: bytes) -> str:
    return str(inspect(wasm, "_start", 4 * MIB).line["error"]["message"])
