"""Takes from a process all that it does not need, for the day when a guest breaks out.

Each layer is asked for and not required: containers and older kernels refuse some. What is in
force is reported when the process is ready, and logged.
"""

import ctypes
import os
import resource
import signal
import struct

from runner.sandbox.system_calls import deny_system_calls
from schema import limits

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_CLONE_NEWIPC = 0x08000000

# The same numbers on every architecture.
_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_RESTRICT_SELF = 446
_LANDLOCK_VERSION_QUESTION = 1
# Rights over files that each version of landlock knows, as a count of bits from the lowest.
_LANDLOCK_FILE_BITS = {1: 13, 2: 14, 3: 15, 4: 15}
_LANDLOCK_FILE_BITS_NOW = 16
_LANDLOCK_NETWORK_SINCE, _LANDLOCK_SCOPES_SINCE = 4, 6

# Each guest memory is a reservation of 4 GiB with guards, of which little may be used.
# RLIMIT_DATA counts what is writable and so is the bound that means memory.
_GIB = 1024 * limits.MIB
_ADDRESS_SPACE_BYTES = 4 * _GIB + limits.COMPONENT_MEMORIES_MAX * 5 * _GIB
_DATA_BYTES = (limits.MEMORY_MB_MAX + 1024) * limits.MIB
_FILE_BYTES = max(limits.OUTPUT_MB_MAX * limits.MIB, limits.STDERR_BYTES_MAX) + 1
_OPEN_FILES = 64

_libc = ctypes.CDLL(None, use_errno=True)


def leave_shared_namespaces() -> list[str]:
    """Enter empty namespaces: no network interface but a dead loopback, no capability outside.

    Must come before any thread is started.
    """
    flags = _CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC
    return ["namespaces"] if _libc.unshare(flags) == 0 else []


def die_with_parent() -> None:
    """Be killed when the thread that started this process ends, whatever kills it.

    Must come after `leave_shared_namespaces`: a change of credentials clears the wish.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def hide_memory() -> None:
    """Let no process of the same user read this one's memory and environment, and dump no core."""
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def limit_resources(*, data_bytes: int = _DATA_BYTES) -> None:
    """Set hard limits on memory, files and cores. CPU time is limited for each run."""
    for kind, wanted in (
        (resource.RLIMIT_AS, _ADDRESS_SPACE_BYTES),
        (resource.RLIMIT_DATA, data_bytes),
        (resource.RLIMIT_FSIZE, _FILE_BYTES),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (value, value))
    # A write over the limit is an error for the guest to see, not the end of the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def give_up_privileges() -> list[str]:
    """No file system, no sockets, no processes, from here on; answers the layers in force.

    Holds for this thread and those that it starts later: call it before there are others, and
    after everything is imported.
    """
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    layers = {
        "landlock": _give_up_files(),
        "seccomp": deny_system_calls(_libc),
    }
    return [name for name, in_force in layers.items() if in_force]


def _give_up_files() -> bool:
    """An empty landlock rule set: no path can be opened.

    Files in memory (`captures.py`) have no path in a mounted file system, and stay reachable.
    """
    version = _libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION_QUESTION)
    if version < 1:
        return False
    files = (1 << _LANDLOCK_FILE_BITS.get(version, _LANDLOCK_FILE_BITS_NOW)) - 1
    network = 0b11 if version >= _LANDLOCK_NETWORK_SINCE else 0
    scopes = 0b11 if version >= _LANDLOCK_SCOPES_SINCE else 0
    handled = struct.pack("=QQQ", files, network, scopes)
    ruleset = _libc.syscall(_LANDLOCK_CREATE_RULESET, handled, _handled_size(version), 0)
    if ruleset < 0:
        return False
    try:
        return bool(_libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _handled_size(version: int) -> int:
    """Older kernels know a shorter structure; a longer one with zeroes is taken as well."""
    if version < _LANDLOCK_NETWORK_SINCE:
        return 8
    return 16 if version < _LANDLOCK_SCOPES_SINCE else 24
