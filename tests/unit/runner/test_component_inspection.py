"""What publishing finds out about a component, in the process that reads it."""

import pytest
import wasmtime

from infra.module_inspector import SubprocessModuleInspector
from schema.errors import SpellError
from schema.limits import COMPONENT_BYTES_MAX, COMPONENT_INSTANCES_MAX, MIB, MODULE_BYTES_MAX
from tests.modules.component_guests import as_command, component, many_modules

COMMAND = "wasi:cli/run"


def text(members: str) -> bytes:
    return bytes(wasmtime.wat2wasm(f"(component {members})"))


def importing(name: str, exports: str = "") -> bytes:
    return text(f'(import "{name}" (instance {exports}))')


_WITH_CHANCE = """
  (import "wasi:random/random@0.2.0" (instance
    (export "get-random-u64" (func (result {result})))))
  (core module $guest (func (export "run") (result i32) (i32.const 0)))
  (core instance $guest (instantiate $guest))
  (func $run (result (result)) (canon lift (core func $guest "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command))
"""

REFUSED = {
    "nothing exported": (text(""), "cast", "exports no 'cast'"),
    "an export that is no function": (
        text('(core module $m) (export "cast" (core module $m))'),
        "cast",
        "not a function",
    ),
    "a function of another type": (component("texts"), "count", "has another type than func"),
    "no command": (component("texts"), COMMAND, "exports no wasi:cli/run@0.2"),
    "a command of another version": (
        as_command("traps", "unreachable").replace(b"run@0.2.0", b"run@0.3.0"),
        COMMAND,
        "exports no wasi:cli/run@0.2",
    ),
    "sockets": (importing("wasi:sockets/network@0.2.0"), "cast", "imports wasi:sockets/network"),
    "http": (importing("wasi:http/types@0.2.0"), "cast", "imports wasi:http/types@0.2.0"),
    "an interface of its own": (importing("acme:db/store@1.0.0"), "cast", "acme:db/store@1.0.0"),
    "another version of WASI": (importing("wasi:cli/exit@0.3.0"), "cast", "wasi:cli/exit@0.3.0"),
    "no version": (importing("wasi:cli/exit"), "cast", "imports wasi:cli/exit,"),
    "a function that is not there": (
        importing("wasi:cli/exit@0.2.0", '(export "restart" (func))'),
        "cast",
        "imports wasi:cli/exit@0.2.0#restart",
    ),
    "a bare function": (text('(import "print" (func))'), "cast", "imports print"),
    "malformed": (component("texts")[:-3], "echo", "The component is not valid"),
    "memory over the limit": (
        as_command("memory_minimum", "_start"),
        COMMAND,
        "begin with more bytes than the limit of 4194304",
    ),
    "too many modules": (
        many_modules(COMPONENT_INSTANCES_MAX + 1),
        COMMAND,
        "does not fit what the sandbox offers: resource limit exceeded",
    ),
    "threads": (
        text("(core module (memory 1 1 shared))"),
        "cast",
        "The component is not valid",
    ),
    "64-bit memory": (text("(core module (memory i64 1))"), "cast", "not valid"),
}


@pytest.fixture(scope="module")
def inspector() -> SubprocessModuleInspector:
    return SubprocessModuleInspector()


@pytest.mark.parametrize("case", REFUSED)
async def test_it_refuses(inspector: SubprocessModuleInspector, case: str) -> None:
    wasm, entry, words = REFUSED[case]
    with pytest.raises(SpellError) as refusal:
        await inspector.inspect(wasm, entry, 4 * MIB)
    assert refusal.value.code == "MODULE_INVALID"
    assert words in refusal.value.message


async def test_an_import_of_another_type_than_the_standard_s_is_refused(
    inspector: SubprocessModuleInspector,
) -> None:
    """Our functions are put there without types: this check is what they rely on."""
    right = text(_WITH_CHANCE.format(result="u64"))
    facts, _ = await inspector.inspect(right, COMMAND, MIB)
    assert facts.imports == ["wasi:random/random@0.2.0"]
    wrong = text(_WITH_CHANCE.format(result="u32"))
    with pytest.raises(SpellError, match="does not fit what the sandbox offers"):
        await inspector.inspect(wrong, COMMAND, MIB)


async def test_a_start_function_does_not_run_at_publish(
    inspector: SubprocessModuleInspector,
) -> None:
    facts, _ = await inspector.inspect(as_command("start_loop", "_start"), COMMAND, 4 * MIB)
    assert facts.exports == ["wasi:cli/run@0.2.0"]


async def test_it_tells_what_a_component_imports_exports_and_begins_with(
    inspector: SubprocessModuleInspector,
) -> None:
    facts, _ = await inspector.inspect(component("surroundings"), "chance", 4 * MIB)
    assert "wasi:random/random@0.2.6" in facts.imports
    assert {"chance", "wasi:cli/run@0.2.6"} < set(facts.exports)
    assert facts.memory_bytes_min == 65536


async def test_a_component_may_be_larger_than_a_core_module_and_has_a_limit_too(
    inspector: SubprocessModuleInspector,
) -> None:
    large = _padded(component("texts"), MODULE_BYTES_MAX + 1)
    facts, code = await inspector.inspect(large, "echo", 4 * MIB)
    assert facts.memory_bytes_min == 65536
    assert code.content
    with pytest.raises(SpellError, match="too large") as refusal:
        await inspector.inspect(_padded(component("texts"), COMPONENT_BYTES_MAX + 1), "echo", MIB)
    assert refusal.value.details == {"bytes_max": COMPONENT_BYTES_MAX}


def _padded(wasm: bytes, size: int) -> bytes:
    """The same with a custom section that makes it so large."""
    content = size - len(wasm) - 1 - 4
    length = bytes([content & 0x7F | 0x80, content >> 7 & 0x7F | 0x80])
    length += bytes([content >> 14 & 0x7F | 0x80, content >> 21])
    return wasm + b"\0" + length + b"\0" + bytes(content - 1)
