"""`python -m runner.compiling.inspect <entry> <memory_bytes_max> <work_bytes_max>`: may it run?

Reads a module from stdin and writes one line of JSON, followed by the compiled code:
`{"ok": {imports, exports, memory_bytes_min}, "engine": …}`, or the line alone:
`{"error": {"message": …, "details": {…}}}`. It uses the same engine settings as the sandbox, so
what passes here runs there. The caller watches the clock; `work_bytes_max` bounds this process's
memory.
"""

import json
import sys
from dataclasses import asdict, dataclass
from typing import Any

import wasmtime

from runner.compiling.checker import check_code_length, ending_without_memory, read_module_confined
from runner.refusals import ModuleRefusedError
from runner.sandbox.engine import build_engine, engine_name
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


@dataclass(frozen=True)
class Inspection:
    """What is answered: a line, and the code of a module that passed."""

    line: dict[str, Any]
    code: bytes = b""


def main() -> None:
    """Inspect one module."""
    entry, memory_bytes_max, work_bytes_max = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    wasm = read_module_confined(memory_bytes_max=work_bytes_max)
    with ending_without_memory():
        answer = inspect(wasm, entry, memory_bytes_max)
    sys.stdout.buffer.write(json.dumps(answer.line).encode() + b"\n")
    sys.stdout.buffer.write(answer.code)


def inspect(wasm: bytes, entry: str, memory_bytes_max: int) -> Inspection:
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
        code = check_code_length(module.serialize())
    except ModuleRefusedError as refusal:
        return Inspection({"error": {"message": refusal.message, "details": refusal.details}})
    return Inspection({"ok": asdict(facts), "engine": engine_name()}, code)


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
