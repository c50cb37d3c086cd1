"""The official tests of WASI preview 1 (WebAssembly/wasi-testsuite), where they are provided.

Goal: programs that no one here wrote find what the standard promises. Method: each module runs on
our functions in a world with what its `.json` names (arguments, environment, folders, which are
copied into a tree in memory), and must end and print as that says.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from runner.sandbox.wasi.files import Device, Folder, Scratch
from runner.sandbox.wasi.world import OpenFolder, World
from schema.limits import MIB
from tests.support.wasi_stage import Stage, world_of

pytestmark = pytest.mark.conformance

_SUITE = Path(__file__).parents[3] / "shared/conformance/wasi-testsuite"
_CORE_PREAMBLE = b"\0asm\x01\0\0\0"


def _is_core_module(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_CORE_PREAMBLE)) == _CORE_PREAMBLE


def cases_in(suite: Path) -> list[Path]:
    """The core modules there; components belong to later versions of the standard."""
    return [path for path in sorted(suite.rglob("*.wasm")) if _is_core_module(path)]


_ABSENT = pytest.mark.skip(reason="no module lies in ../shared/conformance/wasi-testsuite")
_CASES: Sequence[object] = cases_in(_SUITE) or [pytest.param(_SUITE, marks=_ABSENT)]


@pytest.fixture(scope="module")
def stage() -> Stage:
    return Stage()


@pytest.mark.parametrize("path", _CASES, ids=lambda path: path.stem)
def test_a_program_of_the_suite_ends_as_its_specification_says(stage: Stage, path: Path) -> None:
    check_case(stage, path)


def check_case(stage: Stage, path: Path) -> None:
    """Run one module and compare its end and what it printed."""
    specification = _specification_of(path)
    world = _world_of(specification, path.parent)
    end = stage.run(wasmtime.Module(stage.engine, path.read_bytes()), world)
    world.stderr.close()
    log = bytes(world.stderr.content).decode(errors="replace")
    assert end.exit_code == specification.get("exit_code", 0), f"{end.error}\n{log}"
    if "stdout" in specification:
        assert bytes(world.stdout.content).decode() == specification["stdout"]
    if "stderr" in specification:
        assert log == specification["stderr"]


def _specification_of(path: Path) -> dict[str, Any]:
    beside = path.with_suffix(".json")
    if not beside.is_file():
        return {}
    specification: dict[str, Any] = json.loads(beside.read_text())
    return specification


def _world_of(specification: dict[str, Any], beside: Path) -> World:
    world = world_of(environment=specification.get("env", {}))
    world.arguments += [argument.encode() for argument in specification.get("args", [])]
    scratch = Scratch(64 * MIB, world.clock.realtime, on_full=lambda: None)
    world.trees[Device.SCRATCH] = scratch
    folders = {name: name for name in specification.get("dirs", [])}
    if "root" in specification:
        folders[specification["root"]] = "/"
    for name, preopen in folders.items():
        world.open(OpenFolder(_copied(scratch, beside / name), preopen.encode()))
    return world


def _copied(scratch: Scratch, source: Path) -> Folder:
    """A folder of the disk as one of the guest's, without what earlier runs left there."""
    name = str(source).encode()[-200:].replace(b"/", b"_")
    scratch.new_folder(scratch.top, name)
    top = scratch.top.entries[name]
    assert isinstance(top, Folder)
    top.above = None
    folders = {source: top}
    for path in _entries_below(source):
        folder, name = folders[path.parent], path.name.encode()
        if path.is_dir():
            scratch.new_folder(folder, name)
            made = folder.entries[name]
            assert isinstance(made, Folder)
            folders[path] = made
        else:
            scratch.write(scratch.new_file(folder, name), 0, path.read_bytes())
    return top


def _entries_below(source: Path) -> Iterator[Path]:
    paths = sorted(source.rglob("*"))
    return (path for path in paths if not any(part.endswith(".cleanup") for part in path.parts))
