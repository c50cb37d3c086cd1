"""What a component must be before it may run, decided without a single instruction of it."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import wasmtime
from wasmtime import _ffi as ffi
from wasmtime import component

from runner.refusals import ModuleRefusedError
from runner.sandbox.component_traps import trap_words
from runner.sandbox.guest_memory import GuestMemories
from runner.sandbox.module_checks import Facts, first_line
from runner.sandbox.wasip2.linking import INTERFACES
from schema import limits

COMMAND = "wasi:cli/run"
"""The entry of components that are commands: standard input in, standard output out."""

# A component is made of core modules; an interpreter with its libraries has 20 and more.
STORE_LIMITS = {
    "table_elements": limits.TABLE_ELEMENTS_MAX,
    "instances": limits.COMPONENT_INSTANCES_MAX,
    "tables": limits.COMPONENT_INSTANCES_MAX,
    "memories": limits.COMPONENT_MEMORIES_MAX,
}

_OFFERED = {interface.name: interface for interface in INTERFACES}
_VERSION = re.compile(r"0\.2\.\d+")


@dataclass(frozen=True)
class Entry:
    """The function that a cast calls.

    Attributes:
        name: of the function.
        interface: the exported interface it is in, or None when the world exports it itself.
    """

    name: str
    interface: str | None = None

    @property
    def is_command(self) -> bool:
        """Whether it reads standard input and prints its output, instead of taking both."""
        return self.interface is not None


def compile_component(engine: wasmtime.Engine, wasm: bytes) -> component.Component:
    """Validate and compile what begins as a component in binary form.

    Raises:
        ModuleRefusedError: it is malformed, or uses a feature that is off.
    """
    try:
        return component.Component(engine, wasm)
    except wasmtime.WasmtimeError as error:
        raise ModuleRefusedError(f"The component is not valid: {first_line(error)}.") from error


def check_component_imports(engine: wasmtime.Engine, program: component.Component) -> list[str]:
    """Find every import among what the sandbox offers; answer their names.

    Raises:
        ModuleRefusedError: it imports something else.
    """
    imports = []
    for interface, item in program.type.imports(engine).items():
        offered = _offer_for(interface)
        kind = item.ty
        if offered is None or not isinstance(kind, component.ComponentInstanceType):
            raise _unknown(interface)
        for name, member in kind.exports(engine).items():
            if isinstance(member.ty, component.FuncType) and name not in offered:
                raise _unknown(f"{interface}#{name}")
        imports.append(interface)
    return sorted(imports)


def find_entry(engine: wasmtime.Engine, program: component.Component, name: str) -> Entry:
    """Find the entry point: `func(string) -> result<string, string>`, or `wasi:cli/run`.

    Raises:
        ModuleRefusedError: there is none of that name, or it has another type.
    """
    exports = program.type.exports(engine)
    if name == COMMAND:
        return _find_command(engine, exports)
    item = exports.get(name)
    if item is None:
        raise ModuleRefusedError(f"The component exports no {name!r}.", {"entry": name})
    kind = item.ty
    if not isinstance(kind, component.FuncType):
        raise ModuleRefusedError(f"The export {name!r} is not a function.", {"entry": name})
    if not _takes_and_answers_text(kind):
        raise ModuleRefusedError(
            f"The function {name!r} has another type than"
            " func(inputs: string) -> result<string, string>.",
            {"entry": name},
        )
    return Entry(name)


def check_fit(
    linkers: tuple[component.Linker, ...],
    program: component.Component,
    memories: GuestMemories,
    memory_bytes_max: int,
) -> int:
    """Instantiate without fuel: what does not fit shows, and no guest code gets to run.

    Args:
        linkers: ours, and wasmtime's own with the standard's types.
        program: has passed the other checks.
        memories: where its memories are made.
        memory_bytes_max: the memory limit of its runs.

    Returns:
        The bytes that its memories begin with.

    Raises:
        ModuleRefusedError: an import has another type than the standard's, or a memory, a table
            or the number of instances is over its limit.
    """
    for linker in linkers:
        memories.begin_run(memory_bytes_max)
        error = _instantiation_error(linker, program)
        if memories.denied:
            raise ModuleRefusedError(
                f"The memories begin with more bytes than the limit of {memory_bytes_max}.",
                {"memory_bytes_max": memory_bytes_max},
            )
        if error is not None:
            raise ModuleRefusedError(
                f"The component does not fit what the sandbox offers: {first_line(error)}."
            )
    return memories.peak_bytes


def component_facts(
    engine: wasmtime.Engine,
    program: component.Component,
    imports: list[str],
    memory_bytes_min: int,
) -> Facts:
    """The names and sizes that are recorded about a component."""
    return Facts(
        imports=imports,
        exports=sorted(program.type.exports(engine)),
        memory_bytes_min=memory_bytes_min,
    )


def _offer_for(interface: str) -> Collection[str] | None:
    """The functions that we have for an interface; types are compared in `check_fit`."""
    name, _, version = interface.partition("@")
    if name not in _OFFERED or not _VERSION.fullmatch(version):
        return None
    return _OFFERED[name].functions


def _unknown(name: str) -> ModuleRefusedError:
    return ModuleRefusedError(
        f"The component imports {name}, which the sandbox does not offer.",
        {"unknown_import": name},
    )


def _find_command(engine: wasmtime.Engine, exports: dict[str, Any]) -> Entry:
    for interface, item in exports.items():
        name, _, version = interface.partition("@")
        if name == COMMAND and _VERSION.fullmatch(version):
            kind = item.ty
            if isinstance(kind, component.ComponentInstanceType):
                run = kind.exports(engine).get("run")
                if run is not None and _is_run(run.ty):
                    return Entry("run", interface)
    raise ModuleRefusedError(
        f"The component exports no {COMMAND}@0.2 with run: func() -> result.", {"entry": COMMAND}
    )


def _takes_and_answers_text(kind: component.FuncType) -> bool:
    parameters = [parameter for _, parameter in kind.params]
    text = component.String()
    return (
        not _is_async(kind)
        and parameters == [text]
        and isinstance(result := kind.result, component.ResultType)
        and result.ok == text
        and result.err == text
    )


def _is_run(kind: object) -> bool:
    return (
        isinstance(kind, component.FuncType)
        and not _is_async(kind)
        and not kind.params
        and isinstance(result := kind.result, component.ResultType)
        and result.ok is None
        and result.err is None
    )


def _is_async(kind: component.FuncType) -> bool:
    return bool(ffi.wasmtime_component_func_type_async(kind.ptr()))


def _instantiation_error(
    linker: component.Linker, program: component.Component
) -> wasmtime.WasmtimeError | None:
    with wasmtime.Store(linker.engine) as store:
        store.set_limits(**STORE_LIMITS)
        store.set_fuel(0)
        store.set_epoch_deadline(1)
        store.set_wasi(wasmtime.WasiConfig())
        try:
            linker.instantiate(store, program)
        except wasmtime.WasmtimeError as error:
            # A trap shows that everything has been linked; how it ends belongs to its runs.
            return None if trap_words(error) else error
    return None
