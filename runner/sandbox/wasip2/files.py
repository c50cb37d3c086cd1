"""`wasi:filesystem`, empty: no folder is open, so nothing can be opened.

The types are there because the standard libraries of most languages import them.
"""

from typing import NoReturn

from runner.sandbox.wasi.abi import GuestEnd
from runner.sandbox.wasip2.guest import ComponentGuest, Interface, Resource

_DESCRIPTOR_METHODS = [
    "read-via-stream",
    "write-via-stream",
    "append-via-stream",
    "advise",
    "sync-data",
    "get-flags",
    "get-type",
    "set-size",
    "set-times",
    "read",
    "write",
    "read-directory",
    "sync",
    "create-directory-at",
    "stat",
    "stat-at",
    "set-times-at",
    "link-at",
    "open-at",
    "readlink-at",
    "remove-directory-at",
    "rename-at",
    "symlink-at",
    "unlink-file-at",
    "is-same-object",
    "metadata-hash",
    "metadata-hash-at",
]


def _no_descriptor(_guest: ComponentGuest, *_arguments: object) -> NoReturn:
    """Nobody has a descriptor to call this with."""
    raise GuestEnd("SPELL_TRAPPED", {"trap": "host_call"})


def _no_error_code(_guest: ComponentGuest, _error: int) -> None:
    """No error of ours comes from a file."""


def _no_directories(_guest: ComponentGuest) -> list[object]:
    return []


INTERFACES = [
    Interface(
        "wasi:filesystem/types",
        {
            **{f"[method]descriptor.{name}": _no_descriptor for name in _DESCRIPTOR_METHODS},
            "[method]directory-entry-stream.read-directory-entry": _no_descriptor,
            "filesystem-error-code": _no_error_code,
        },
        {
            "descriptor": Resource.DESCRIPTOR,
            "directory-entry-stream": Resource.DIRECTORY_ENTRIES,
        },
    ),
    Interface("wasi:filesystem/preopens", {"get-directories": _no_directories}),
]
