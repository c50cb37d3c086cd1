"""The start of every short-lived process that reads one untrusted module and then ends."""

import resource
import sys

from runner.sandbox import confinement
from runner.sandbox.engine import engine_name
from schema import limits


def read_module_confined() -> bytes:
    """Confine this process for the work of a compiler, then read the module from stdin.

    Nothing that this process learns of one module can reach another: it handles only this one.
    """
    confinement.leave_shared_namespaces()
    confinement.die_with_parent()
    engine_name()  # reads a file: the last one
    confinement.limit_resources(data_bytes=limits.MODULE_CHECK_MEMORY_BYTES_MAX)
    # The caller's clock is the real limit; this one ends a process whose caller is gone.
    seconds = int(limits.MODULE_CHECK_SECONDS_MAX) * 4
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    confinement.give_up_privileges()
    return sys.stdin.buffer.read(limits.COMPONENT_BYTES_MAX + 1)
