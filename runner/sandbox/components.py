"""Components: functions from text to text, and commands of WASI preview 2 (docs/adr/0015)."""

import ctypes
import os
from dataclasses import dataclass, field
from typing import Any

import wasmtime
from wasmtime import _ffi as ffi
from wasmtime import component

from runner.sandbox.component_checks import (
    STORE_LIMITS,
    Entry,
    check_component_imports,
    find_entry,
)
from runner.sandbox.component_traps import trap_words
from runner.sandbox.engine import build_component_engine
from runner.sandbox.guest_memory import GuestMemories
from runner.sandbox.wasi.abi import GuestEnd
from runner.sandbox.wasi.linking import CallCounter
from runner.sandbox.wasi.world import World
from runner.sandbox.wasip2.guest import ComponentGuest
from runner.sandbox.wasip2.linking import ComponentFunctions
from runner.sandbox.wasip2.values import beginning_of_text, write
from schema import limits

# wasmtime's mark in the ELF header of compiled code.
_FLAGS_AT, _COMPONENT_FLAG = 48, 2
# One byte over the largest limit shows that an answer is too large.
_ANSWER_BYTES_MAX = limits.OUTPUT_MB_MAX * limits.MIB + 1


def is_component_code(code: int) -> bool:
    """Whether compiled code is that of a component.

    Args:
        code: a descriptor of it.
    """
    flags = int.from_bytes(os.pread(code, 4, _FLAGS_AT), "little")
    return flags & _COMPONENT_FLAG != 0


class Components:
    """The engine of components, and what they can import.

    Args:
        memories: where their memories live.
        counter: counts their calls.
    """

    def __init__(self, memories: GuestMemories, counter: CallCounter) -> None:
        self.engine = build_component_engine(memories)
        self._functions = ComponentFunctions(counter)
        self._linker = component.Linker(self.engine)
        self._functions.define(self._linker)

    def load(self, path: str) -> "Component":
        """A component that can run.

        Args:
            path: of its compiled code.

        Raises:
            WasmtimeError: the code does not fit this engine.
            ModuleRefusedError: the component imports what the sandbox does not offer.
        """
        program = component.Component.deserialize_file(self.engine, path)
        check_component_imports(self.engine, program)
        return Component(self.engine, self._functions, self._linker, program)


@dataclass(frozen=True)
class Component:
    """A warm component."""

    engine: wasmtime.Engine
    functions: ComponentFunctions
    linker: component.Linker
    program: component.Component
    entries: dict[str, Entry] = field(default_factory=dict)
    store_limits = STORE_LIMITS

    def check_entry(self, entry: str) -> None:
        """Find the entry point. Raises ModuleRefusedError."""
        if entry not in self.entries:
            self.entries[entry] = find_entry(self.engine, self.program, entry)

    def call(self, store: wasmtime.Store, entry: str, world: World) -> None:
        """Run the entry point in a fresh instance.

        Raises:
            WasmtimeError: how it ended, unless it returned.
            GuestEnd: it failed, or its output is too large.
        """
        found = self.entries[entry]
        self.functions.guest = ComponentGuest(world, prints_output=found.is_command)
        function = self._function(store, found)
        if found.is_command:
            _end_command(_call(store, function, []))
        else:
            inputs = self.functions.guest.stdin.read(limits.INPUTS_BYTES_MAX).decode()
            _end_cast(world, _call(store, function, [inputs]))

    def _function(self, store: wasmtime.Store, entry: Entry) -> component.Func:
        # Instantiation is guest code too: start functions run in it.
        instance = self.linker.instantiate(store, self.program)
        interface = None
        if entry.interface is not None:
            interface = instance.get_export_index(store, entry.interface)
        index = instance.get_export_index(store, entry.name, interface)
        assert index is not None
        function = instance.get_func(store, index)
        assert function is not None
        return function


def _call(store: wasmtime.Store, function: component.Func, arguments: list[str]) -> Any:
    """The result, still in C: a guest may answer more than anybody wants to copy."""
    context = store._context()  # noqa: SLF001 - no public way to call without conversions
    values = (ffi.wasmtime_component_val_t * len(arguments))()
    result = ffi.wasmtime_component_val_t()
    try:
        for value, argument in zip(values, arguments, strict=True):
            write(context, argument, value)
        error = ffi.wasmtime_component_func_call(
            ctypes.byref(function._func),  # noqa: SLF001
            *(context, values, len(arguments), ctypes.byref(result), 1),
        )
    finally:
        for value in values:
            ffi.wasmtime_component_val_delete(ctypes.byref(value))
    if error:
        raise _failure(wasmtime.WasmtimeError._from_ptr(error))  # noqa: SLF001
    return result


def _failure(error: wasmtime.WasmtimeError) -> Exception:
    if trap_words(error):
        return error
    # What it passed in or out breaks the rules of the component model.
    return GuestEnd("SPELL_TRAPPED", {"trap": "component_interface"})


def _end_command(result: Any) -> None:
    if not result.of.result.is_ok:
        raise GuestEnd("SPELL_FAILED", {"exit_code": 1})


def _end_cast(world: World, result: Any) -> None:
    """Make output or error stream of what the function answered."""
    stream = world.stdout if result.of.result.is_ok else world.stderr
    try:
        stream.write(beginning_of_text(result.of.result.val.contents, _ANSWER_BYTES_MAX))
    finally:
        ffi.wasmtime_component_val_delete(ctypes.byref(result))
    if stream is world.stderr:
        raise GuestEnd("SPELL_FAILED", {"exit_code": 1})
