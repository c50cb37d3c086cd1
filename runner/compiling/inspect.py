"""`python -m runner.compiling.inspect <entry> <memory_bytes_max>`: whether a module may run.

Reads it from stdin and prints one JSON object: `{"ok": {imports, exports, memory_bytes_min}}`,
or `{"error": {"message": …, "details": {…}}}`. It uses the same engine settings as the sandbox, so
what passes here compiles there. The caller watches the clock.
"""

import json
import sys
from dataclasses import asdict
from typing import Any

import wasmtime

from runner.compiling.checker import read_module_confined
from runner.refusals import ModuleRefusedError
from runner.sandbox.engine import build_engine
from runner.sandbox.guest_memory import GuestMemories
from runner.sandbox.module_checks import (
    check_entry,
    check_imports,
    check_length,
    check_sizes,
    compile_module,
    facts_of,
)
from runner.sandbox.wasi.guest import Guest
from runner.sandbox.wasi.linking import HostFunctions
from runner.sandbox.wasi.memory import GuestMemory


def main() -> None:
    """Inspect one module."""
    entry, memory_bytes_max = sys.argv[1], int(sys.argv[2])
    answer = inspect(read_module_confined(), entry, memory_bytes_max)
    json.dump(answer, sys.stdout)


def inspect(wasm: bytes, entry: str, memory_bytes_max: int) -> dict[str, Any]:
    """The answer for one module, whatever its bytes are.

    Args:
        wasm: the module; untrusted.
        entry: the export that casts will call.
        memory_bytes_max: the memory limit that its runs will have.
    """
    try:
        check_length(wasm)
        memories = GuestMemories()
        engine = build_engine(memories, parallel_compilation=True)
        linker = wasmtime.Linker(engine)
        HostFunctions(Guest(GuestMemory(memories.view))).define(linker)
        module = compile_module(engine, wasm)
        check_imports(linker, module)
        check_entry(module, entry)
        _check_memory_is_shared_with_wasi(module)
        facts = facts_of(module, check_sizes(wasm, memory_bytes_max))
    except ModuleRefusedError as refusal:
        return {"error": {"message": refusal.message, "details": refusal.details}}
    return {"ok": asdict(facts)}


def _check_memory_is_shared_with_wasi(module: wasmtime.Module) -> None:
    if not module.imports:
        return
    exported = (item.type for item in module.exports if item.name == "memory")
    if not isinstance(next(exported, None), wasmtime.MemoryType):
        raise ModuleRefusedError(
            "The module imports WASI functions but exports no memory named 'memory'."
        )


if __name__ == "__main__":
    main()
