"""`python -m runner.compiling.compile`: turns the module on stdin into compiled code on stdout.

A process of its own for each module, so that no guest and no other module ever ran where code is
made that every sandbox process will trust. Exit status 2 and a sentence on stdout: refused.
"""

import sys

from runner.compiling.checker import (
    check_code_length,
    ending_without_memory,
    read_module_confined,
)
from runner.refusals import ModuleRefusedError
from runner.sandbox.component_checks import compile_component
from runner.sandbox.engine import build_component_engine, build_engine
from runner.sandbox.guest_memory import GuestMemories
from runner.sandbox.module_checks import COMPONENT_PREAMBLE, check_length, compile_module

REFUSED_STATUS = 2


def main() -> None:
    """Compile one module."""
    wasm = read_module_confined()
    try:
        with ending_without_memory():
            code = _compile(wasm)
    except ModuleRefusedError as refusal:
        sys.stdout.write(refusal.message)
        sys.exit(REFUSED_STATUS)
    sys.stdout.buffer.write(code)


def _compile(wasm: bytes) -> bytes:
    check_length(wasm)
    memories = GuestMemories()
    if wasm.startswith(COMPONENT_PREAMBLE):
        engine = build_component_engine(memories, parallel_compilation=True)
        return check_code_length(compile_component(engine, wasm).serialize())
    engine = build_engine(memories, parallel_compilation=True)
    return check_code_length(compile_module(engine, wasm).serialize())


if __name__ == "__main__":
    main()
