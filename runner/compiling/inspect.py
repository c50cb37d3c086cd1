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
from wasmtime import component

from runner.compiling.checker import check_code_length, ending_without_memory, read_module_confined
from runner.refusals import ModuleRefusedError
from runner.sandbox.component_checks import (
    check_component_imports,
    check_fit,
    compile_component,
    component_facts,
    find_entry,
)
from runner.sandbox.engine import build_component_engine, build_engine, engine_name
from runner.sandbox.guest_memory import GuestMemories
from runner.sandbox.module_checks import (
    COMPONENT_PREAMBLE,
    Facts,
    check_entry,
    check_imports,
    check_length,
    check_sizes,
    compile_module,
    facts_of,
)
from runner.sandbox.wasi.guest import Guest
from runner.sandbox.wasi.linking import CallCounter, HostFunctions
from runner.sandbox.wasi.memory import GuestMemory
from runner.sandbox.wasip2.linking import ComponentFunctions


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
        is_component = wasm.startswith(COMPONENT_PREAMBLE)
        look = _inspect_component if is_component else _inspect_module
        facts, compiled = look(wasm, entry, memory_bytes_max)
        code = check_code_length(compiled)
    except ModuleRefusedError as refusal:
        return Inspection({"error": {"message": refusal.message, "details": refusal.details}})
    return Inspection({"ok": asdict(facts), "engine": engine_name()}, code)


def _inspect_module(wasm: bytes, entry: str, memory_bytes_max: int) -> tuple[Facts, bytearray]:
    memories = GuestMemories()
    engine = build_engine(memories, parallel_compilation=True)
    linker = wasmtime.Linker(engine)
    HostFunctions(Guest(GuestMemory(memories.view))).define(linker)
    module = compile_module(engine, wasm)
    check_imports(linker, module)
    check_entry(module, entry)
    _check_memory_is_shared_with_wasi(module)
    return facts_of(module, check_sizes(wasm, memory_bytes_max)), module.serialize()


def _inspect_component(wasm: bytes, entry: str, memory_bytes_max: int) -> tuple[Facts, bytearray]:
    memories = GuestMemories()
    engine = build_component_engine(memories, parallel_compilation=True)
    program = compile_component(engine, wasm)
    imports = check_component_imports(engine, program)
    find_entry(engine, program, entry)
    # wasmtime's own linker comes first: it compares the imports with the standard's types.
    standard, ours = component.Linker(engine), component.Linker(engine)
    standard.add_wasip2()
    ComponentFunctions(CallCounter()).define(ours)
    memory_bytes_min = check_fit((standard, ours), program, memories, memory_bytes_max)
    return component_facts(engine, program, imports, memory_bytes_min), program.serialize()


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
