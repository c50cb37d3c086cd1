"""The test modules, compiled from the WebAssembly text beside this file."""

from functools import cache
from pathlib import Path

import wasmtime

from schema.ids import sha256_digest

_FOLDER = Path(__file__).parent


@cache
def guest(name: str) -> bytes:
    """The binary of `<name>.wat`."""
    return bytes(wasmtime.wat2wasm((_FOLDER / f"{name}.wat").read_text()))


def digest_of(name: str) -> str:
    return sha256_digest(guest(name))
