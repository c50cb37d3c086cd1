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
from runner.sandbox.engine import build_engine
from runner.sandbox.guest_memory import GuestMemories
from runner.sandbox.module_checks import check_length, compile_module

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
    module = compile_module(build_engine(GuestMemories(), parallel_compilation=True), wasm)
    return check_code_length(module.serialize())


if __name__ == "__main__":
    main()
