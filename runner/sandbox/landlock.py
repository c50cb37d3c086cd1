"""Landlock: no path can be opened and no TCP port connected to, but the ones named."""

import ctypes
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

# The same numbers on every architecture.
_CREATE_RULESET = 444
_ADD_RULE = 445
_RESTRICT_SELF = 446
_VERSION_QUESTION = 1
_RULE_OF_PATH, _RULE_OF_PORT = 1, 2
# Rights over files that each version of landlock knows, as a count of bits from the lowest.
_FILE_BITS = {1: 13, 2: 14, 3: 15, 4: 15}
_FILE_BITS_NOW = 16
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6
_READ_FILE = 1 << 2
_BIND, _CONNECT = 1 << 0, 1 << 1
_SCOPES = 0b11


def give_up_paths(libc: ctypes.CDLL, files: Iterable[str], ports: Iterable[int]) -> bool:
    """Restrict this thread and all that it starts; whether the kernel could.

    Files in memory (`captures.py`) have no path in a mounted file system, and stay reachable.

    Args:
        libc: `no_new_privs` must be set before.
        files: may be read; missing ones are left out.
        ports: may be connected to by TCP. Kernels before 6.7 know no ports, and bound none.
    """
    version = libc.syscall(_CREATE_RULESET, None, 0, _VERSION_QUESTION)
    if version < 1:
        return False
    with _ruleset(libc, version) as ruleset:
        if ruleset < 0:
            return False
        _let_read(libc, ruleset, files)
        if version >= _NETWORK_SINCE:
            _let_connect(libc, ruleset, ports)
        return bool(libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)


@contextmanager
def _ruleset(libc: ctypes.CDLL, version: int) -> Iterator[int]:
    """A set that refuses everything this kernel knows of."""
    files = (1 << _FILE_BITS.get(version, _FILE_BITS_NOW)) - 1
    network = _BIND | _CONNECT if version >= _NETWORK_SINCE else 0
    scopes = _SCOPES if version >= _SCOPES_SINCE else 0
    handled = struct.pack("=QQQ", files, network, scopes)
    ruleset = libc.syscall(_CREATE_RULESET, handled, _handled_size(version), 0)
    try:
        yield ruleset
    finally:
        if ruleset >= 0:
            os.close(ruleset)


def _let_read(libc: ctypes.CDLL, ruleset: int, files: Iterable[str]) -> None:
    for path in files:
        try:
            file = os.open(path, os.O_PATH)
        except OSError:
            continue
        libc.syscall(_ADD_RULE, ruleset, _RULE_OF_PATH, struct.pack("=Qi", _READ_FILE, file), 0)
        os.close(file)


def _let_connect(libc: ctypes.CDLL, ruleset: int, ports: Iterable[int]) -> None:
    for port in ports:
        libc.syscall(_ADD_RULE, ruleset, _RULE_OF_PORT, struct.pack("=QQ", _CONNECT, port), 0)


def _handled_size(version: int) -> int:
    """Older kernels know a shorter structure; a longer one with zeroes is taken as well."""
    if version < _NETWORK_SINCE:
        return 8
    return 16 if version < _SCOPES_SINCE else 24
