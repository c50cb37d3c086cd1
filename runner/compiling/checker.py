"""The start of every short-lived process that reads one untrusted module and then ends."""

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from runner.refusals import ModuleRefusedError
from runner.sandbox import confinement
from runner.sandbox.engine import engine_name
from schema import limits

# Besides the code, a process writes at most one line about it.
_LINE_BYTES_MAX = limits.MIB


def read_module_confined(
    bytes_max: int = limits.COMPONENT_BYTES_MAX,
    memory_bytes_max: int = limits.MODULE_CHECK_MEMORY_BYTES_MAX,
) -> bytes:
    """Confine this process for the work of a compiler, then read the module from stdin.

    Nothing that this process learns of one module can reach another: it handles only this one.

    Args:
        bytes_max: what is read; one byte more shows that there was more.
        memory_bytes_max: what this process may hold from here on.
    """
    confinement.leave_shared_namespaces()
    confinement.die_with_parent()
    engine_name()  # reads a file: the last one
    confinement.limit_resources(
        data_bytes=memory_bytes_max,
        # Standard output is a file in memory of the one who waits for the code.
        file_bytes=limits.COMPILED_BYTES_MAX + _LINE_BYTES_MAX,
    )
    # The caller's clock is the real limit; this one ends a process whose caller is gone.
    seconds = int(limits.MODULE_CHECK_SECONDS_MAX) * 4
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    confinement.give_up_privileges()
    return sys.stdin.buffer.read(bytes_max + 1)


@contextmanager
def ending_without_memory() -> Iterator[None]:
    """End this process as the compiler itself does when the memory limit is reached: by SIGABRT."""
    try:
        yield
    except MemoryError:
        os.abort()


def check_code_length(code: bytearray) -> bytes:
    """Compare the compiled code to its limit; answer it.

    Raises:
        ModuleRefusedError: it is larger.
    """
    if len(code) > limits.COMPILED_BYTES_MAX:
        raise ModuleRefusedError(
            "The module's compiled code is too large.",
            {"code_bytes_max": limits.COMPILED_BYTES_MAX},
        )
    return bytes(code)
