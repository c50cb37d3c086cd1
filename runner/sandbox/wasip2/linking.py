"""Puts the functions of preview 2 on a component linker, as raw C callbacks.

Safety rests on this: `component_checks.py` lets wasmtime compare what a component imports with the
standard's types before it is accepted; wasmtime checks every value that we answer against the
type once more; nothing raises into wasmtime; and a callback lives as long as the process.
"""

import ctypes
from collections.abc import Callable
from typing import Any

import wasmtime
from wasmtime import _ffi as ffi
from wasmtime import component

from runner.sandbox.wasi.abi import GuestEnd
from runner.sandbox.wasi.linking import CallCounter
from runner.sandbox.wasip2 import chance, clocks, command_line, files, streams
from runner.sandbox.wasip2.guest import ComponentGuest, Interface
from runner.sandbox.wasip2.values import read, write

WASI_VERSION = "0.2.0"
"""wasmtime gives this to components that import any 0.2.x."""

_Finalizer = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_NO_FINALIZER = _Finalizer()

INTERFACES: list[Interface] = [
    *command_line.INTERFACES,
    *clocks.INTERFACES,
    *streams.INTERFACES,
    *chance.INTERFACES,
    *files.INTERFACES,
]


class ComponentFunctions:
    """The functions that components may import, working on one guest at a time.

    Args:
        counter: counts the calls, and knows how one of them ended the guest.
    """

    def __init__(self, counter: CallCounter) -> None:
        self.guest: ComponentGuest
        self._counter = counter
        self._kept: list[Any] = []
        self._dropped = ffi.wasmtime_component_resource_destructor_t(self._take_back)
        # As with guest memories: nothing may be freed while an engine could still call it.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))

    def define(self, linker: component.Linker) -> None:
        """Put all of them on a linker."""
        with linker.root() as root:
            for interface in INTERFACES:
                with root.add_instance(f"{interface.name}@{WASI_VERSION}") as instance:
                    self._define(instance, interface)

    def _define(self, instance: component.LinkerInstance, interface: Interface) -> None:
        for name, resource in interface.resources.items():
            kind = component.ResourceType.host(resource)
            _call_with_name(
                ffi.wasmtime_component_linker_instance_add_resource,
                *(instance, name, kind.ptr(), self._dropped, None, _NO_FINALIZER),
            )
        for name, function in interface.functions.items():
            callback = ffi.wasmtime_component_func_callback_t(self._callback(function))
            self._kept.append(callback)
            _call_with_name(
                ffi.wasmtime_component_linker_instance_add_func,
                *(instance, name, callback, None, _NO_FINALIZER),
            )

    def _callback(self, function: Callable[..., Any]) -> Callable[..., int]:
        """The C side of one function: count, read the arguments, call, write the answer."""
        counter = self._counter

        def called(
            _environment: Any,
            context: Any,
            _type: Any,
            arguments: Any,
            count: int,
            results: Any,
            results_count: int,
        ) -> int:
            try:
                counter.count()
                values = [read(context, arguments[at]) for at in range(count)]
                answer = function(self.guest, *values)
                if results_count:
                    write(context, answer, results[0])
            except GuestEnd as end:
                counter.end = end
                return _new_error()
            except BaseException as fault:  # noqa: BLE001 - nothing may unwind into wasmtime
                counter.fault = fault
                return _new_error()
            return 0

        return called

    def _take_back(self, _environment: Any, _context: Any, number: int) -> int:
        self.guest.take_back(number)
        return 0


def _call_with_name(
    function: Callable[..., Any], instance: component.LinkerInstance, name: str, *rest: Any
) -> None:
    encoded = name.encode("utf-8")
    buffer = ctypes.create_string_buffer(encoded, len(encoded))
    error = function(instance.ptr(), buffer, len(encoded), *rest)
    if error:
        raise wasmtime.WasmtimeError._from_ptr(error)  # noqa: SLF001 - no public way


def _new_error() -> int:
    """An error, which wasmtime ends the guest with; what it says is in the counter."""
    return ctypes.cast(ffi.wasmtime_error_new(b"the guest has ended"), ctypes.c_void_p).value or 0
