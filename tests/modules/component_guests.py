"""Components for tests: core test modules as commands, and the text beside this file."""

from functools import cache
from pathlib import Path

import wasmtime

from tests.modules.guests import source_of

_FOLDER = Path(__file__).parent
_COMMAND = """
(component
  {module}
  (core module $glue
    (import "guest" "entry" (func $entry))
    (func (export "run") (result i32) (call $entry) (i32.const 0)))
  (core instance $guest (instantiate $guest))
  (core instance $glue (instantiate $glue
    (with "guest" (instance (export "entry" (func $guest "{entry}"))))))
  (func $run (result (result)) (canon lift (core func $glue "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))
"""


@cache
def component(name: str) -> bytes:
    """The binary of `components/<name>.wat`."""
    return bytes(wasmtime.wat2wasm((_FOLDER / "components" / f"{name}.wat").read_text()))


@cache
def as_command(name: str, entry: str) -> bytes:
    """A core test module without imports as a component whose command calls one export."""
    module = source_of(name).replace("(module", "(core module $guest", 1)
    return bytes(wasmtime.wat2wasm(_COMMAND.format(module=module, entry=entry)))


@cache
def many_modules(count: int, members: str = "") -> bytes:
    """A command made of so many core modules, its glue included; all but two have the members."""
    instances = "\n".join("(core instance (instantiate $other))" for _ in range(count - 2))
    module = (
        f'(core module $guest (func (export "entry"))) (core module $other {members}) {instances}'
    )
    return bytes(wasmtime.wat2wasm(_COMMAND.format(module=module, entry="entry")))
