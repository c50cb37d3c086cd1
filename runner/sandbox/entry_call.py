"""Calls an entry point by wasmtime's C API, without the Python objects in between.

wasmtime-py makes an object of every export and asks for the function's type to convert values,
which is a third of a short run. An entry point has no parameters and no results, so there is
nothing to convert.

Safety rests on this: the module's exports have been checked to hold a function of that type under
that name (`module_checks.check_entry`), and an instance exports what its module does; instance and
function are plain numbers that belong to the store, which is open for as long as they are used; an
error or trap is owned by exactly one Python object as soon as it is there.
"""

import ctypes
from typing import Any

import wasmtime
from wasmtime import _ffi as ffi

_TrapPointer = ctypes.POINTER(ffi.wasm_trap_t)
_byref = ctypes.byref


def call_entry(pre: wasmtime.InstancePre, store: wasmtime.Store, entry: str) -> None:
    """Make an instance and call one of its functions. Start functions run in here too.

    Args:
        pre: the module with its imports.
        store: for this instance alone.
        entry: name of an export that is known to be a function without parameters and results.

    Raises:
        WasmtimeError, Trap: how it ended, unless it returned.
    """
    context, trap = store._context(), _TrapPointer()  # noqa: SLF001 - no public way
    instance: Any = ffi.wasmtime_instance_t()
    export: Any = ffi.wasmtime_extern_t()
    error = ffi.wasmtime_instance_pre_instantiate(
        pre.ptr(), context, _byref(instance), _byref(trap)
    )
    _raise_end(error, trap)
    name = entry.encode("utf-8")
    found = ffi.wasmtime_instance_export_get(
        context, _byref(instance), name, len(name), _byref(export)
    )
    assert found
    assert export.kind == ffi.WASMTIME_EXTERN_FUNC.value
    error = ffi.wasmtime_func_call(context, _byref(export.of.func), None, 0, None, 0, _byref(trap))
    _raise_end(error, trap)


def _raise_end(error: Any, trap: Any) -> None:
    if error:
        raise wasmtime.WasmtimeError._from_ptr(error)  # noqa: SLF001
    if trap:
        raise wasmtime.Trap._from_ptr(trap)  # noqa: SLF001
