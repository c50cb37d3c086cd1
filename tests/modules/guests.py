"""The test modules, compiled from WebAssembly text: the harmless ones beside this file, the hostile
ones in tests/hostile, where some are made by code."""

from functools import cache
from pathlib import Path

import wasmtime

from schema.ids import sha256_digest
from tests.hostile.assemble import assemble
from tests.hostile.made import MADE

_FOLDERS = (Path(__file__).parent, Path(__file__).parents[1] / "hostile" / "guests")


@cache
def guest(name: str) -> bytes:
    """The binary of the module of that name."""
    return bytes(wasmtime.wat2wasm(source_of(name)))


def digest_of(name: str) -> str:
    return sha256_digest(guest(name))


def guest_names() -> list[str]:
    """All that have a source file of their own."""
    return sorted(path.stem for folder in _FOLDERS for path in folder.glob("*.wat"))


def source_of(name: str) -> str:
    """The WebAssembly text of the module of that name."""
    if name in MADE:
        return MADE[name]()
    path = next(path for folder in _FOLDERS if (path := folder / f"{name}.wat").exists())
    return assemble(path.read_text("utf-8"))
