"""Finds and calls a guest's entry point, by the C API.

wasmtime-py's own way reads all exports first, in quadratic time: with 50,000 of them a sandbox
process was away for 78 s, outside of guest code, where no alarm reaches it. And it looks up the
function's type for each call, which is a tenth of the time of a small run.
"""

import ctypes
from typing import cast

import wasmtime
from wasmtime import _ffi as ffi


def call_entry(store: wasmtime.Store, instance: wasmtime.Instance, name: str) -> None:
    """Call an exported function that is known to be there, without parameters and results.

    Raises:
        wasmtime.Trap: it ended by one.
        wasmtime.WasmtimeError: it is not such a function, or ended in another way.
    """
    context = store._context()  # noqa: SLF001 - no public way, here and below
    found, encoded = ffi.wasmtime_extern_t(), name.encode("utf-8")
    there = ffi.wasmtime_instance_export_get(
        context,
        ctypes.byref(instance._instance),  # noqa: SLF001
        ctypes.create_string_buffer(encoded, len(encoded)),
        len(encoded),
        ctypes.byref(found),
    )
    assert there
    assert cast("int", found.kind) == ffi.WASMTIME_EXTERN_FUNC.value
    trap = ctypes.POINTER(ffi.wasm_trap_t)()
    error = ffi.wasmtime_func_call(
        context, ctypes.byref(found.of.func), None, 0, None, 0, ctypes.byref(trap)
    )
    if error:
        raise wasmtime.WasmtimeError._from_ptr(error)  # noqa: SLF001
    if trap:
        raise wasmtime.Trap._from_ptr(trap)  # noqa: SLF001
