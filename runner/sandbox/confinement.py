"""Takes from a process all that it does not need, for the day when a guest breaks out.

Each layer is asked for and not required: containers and older kernels refuse some. What is in
force is reported when the process is ready, and logged.
"""

import ctypes
import resource
import signal
from dataclasses import dataclass

from runner.sandbox.landlock import give_up_paths
from runner.sandbox.system_calls import deny_system_calls
from schema import limits

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_CLONE_NEWIPC = 0x08000000

# Each guest memory is a reservation of 4 GiB with guards, of which little may be used.
# RLIMIT_DATA counts what is writable and so is the bound that means memory.
_GIB = 1024 * limits.MIB
_ADDRESS_SPACE_BYTES = 4 * _GIB + limits.COMPONENT_MEMORIES_MAX * 5 * _GIB
_DATA_BYTES = (limits.MEMORY_MB_MAX + 1024) * limits.MIB
_FILE_BYTES = max(limits.OUTPUT_MB_MAX * limits.MIB, limits.STDERR_BYTES_MAX) + 1
_OPEN_FILES = 64

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Reach:
    """What a process keeps when it gives up its privileges."""

    internet: bool = False
    """May make TCP and UDP connections, and only those."""
    ports: frozenset[int] = frozenset()
    """Which TCP ports it may connect to, where the kernel can tell."""
    files: tuple[str, ...] = ()
    """What it may still open, to read; a missing file is left out."""


_NOTHING = Reach()


def leave_shared_namespaces(*, network: bool = True) -> list[str]:
    """Enter empty namespaces: no network interface but a dead loopback, no capability outside.

    Must come before any thread is started.

    Args:
        network: False keeps the network, and gives up only the capabilities over it.
    """
    flags = _CLONE_NEWUSER | _CLONE_NEWIPC | (_CLONE_NEWNET if network else 0)
    return ["namespaces"] if _libc.unshare(flags) == 0 else []


def die_with_parent() -> None:
    """Be killed when the thread that started this process ends, whatever kills it.

    Must come after `leave_shared_namespaces`: a change of credentials clears the wish.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def hide_memory() -> None:
    """Let no process of the same user read this one's memory and environment, and dump no core."""
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def limit_resources(
    *,
    data_bytes: int = _DATA_BYTES,
    file_bytes: int = _FILE_BYTES,
    open_files: int = _OPEN_FILES,
) -> None:
    """Set hard limits on memory, files and cores. CPU time is limited for each run."""
    for kind, wanted in (
        (resource.RLIMIT_AS, _ADDRESS_SPACE_BYTES),
        (resource.RLIMIT_DATA, data_bytes),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, open_files),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (value, value))
    # A write over the limit is an error for the guest to see, not the end of the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def give_up_privileges(reach: Reach = _NOTHING) -> list[str]:
    """No file system, no sockets, no processes, from here on; answers the layers in force.

    Holds for this thread and those that it starts later: call it before there are others, and
    after everything is imported.

    Args:
        reach: the exceptions.
    """
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    layers = {
        "landlock": give_up_paths(_libc, reach.files, reach.ports),
        "seccomp": deny_system_calls(_libc, internet=reach.internet),
    }
    return [name for name, in_force in layers.items() if in_force]
