"""Values of the component model, between Python and wasmtime's C structures.

wasmtime-py converts a list of bytes one Python object at a time, and asks for the types of each
function again at each call: a write of 4 KiB takes a millisecond. Here a list of bytes is one copy,
and what a value becomes is said by the value. wasmtime itself checks that it fits the type.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import wasmtime
from wasmtime import _ffi as ffi

Context: TypeAlias = Any
"""wasmtime's pointer to the store that a call is made in."""

_VALUE_BYTES = ctypes.sizeof(ffi.wasmtime_component_val_t)
_CONTENT_AT = ffi.wasmtime_component_val_t.of.offset
_U8 = ffi.WASMTIME_COMPONENT_U8.value


@dataclass(frozen=True, slots=True)
class Number:
    """An integer of a certain width."""

    kind: int
    member: str
    value: int


def u8(value: int) -> Number:
    """8 bits without a sign."""
    return Number(_U8, "u8", value)


def u32(value: int) -> Number:
    """32 bits without a sign."""
    return Number(ffi.WASMTIME_COMPONENT_U32.value, "u32", value)


def u64(value: int) -> Number:
    """64 bits without a sign."""
    return Number(ffi.WASMTIME_COMPONENT_U64.value, "u64", value)


@dataclass(frozen=True, slots=True)
class Ok:
    """A result that is a success, with a value or without one."""

    value: Any = None


@dataclass(frozen=True, slots=True)
class Err:
    """A result that is a failure, with a value or without one."""

    value: Any = None


@dataclass(frozen=True, slots=True)
class Case:
    """A case of a variant, with a value or without one."""

    name: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Handle:
    """A resource that the guest is to own: its type's number and ours for the thing itself."""

    resource_type: int
    number: int


def write(context: Context, value: Any, target: Any) -> None:
    """Put a Python value into the C structure `target`, which is blank.

    bytes is a list of u8, a dict is a record, None is the empty option; an option that holds
    something is not needed by any function of ours.

    Raises:
        TypeError: the value has no form there.
    """
    writer = _WRITERS.get(type(value))
    if writer is None:
        raise TypeError(f"a {type(value).__name__} is no value of the component model")
    writer(context, value, target)


def read(context: Context, value: Any) -> Any:
    """A Python value for the C structure, which keeps what it holds.

    Resources are read as the numbers that `Handle` gave them.

    Raises:
        TypeError: a kind that no function of ours takes.
    """
    reader = _READERS.get(value.kind)
    if reader is None:
        raise TypeError(f"values of kind {value.kind} are not taken")
    return reader(context, value)


def beginning_of_text(value: Any, bytes_max: int) -> bytes:
    """A string's first bytes in UTF-8; a guest may answer more than anybody wants to copy."""
    text = value.of.string
    return ctypes.string_at(text.data, min(text.size, bytes_max)) if text.size else b""


def _write_truth(_context: Context, value: bool, target: Any) -> None:
    target.kind = ffi.WASMTIME_COMPONENT_BOOL.value
    target.of.boolean = value


def _write_number(_context: Context, value: Number, target: Any) -> None:
    target.kind = value.kind
    setattr(target.of, value.member, value.value)


def _write_text(_context: Context, value: str, target: Any) -> None:
    target.kind = ffi.WASMTIME_COMPONENT_STRING.value
    target.of.string = ffi.str_to_capi(value)


def _write_bytes(_context: Context, value: bytes, target: Any) -> None:
    content = bytearray(len(value) * _VALUE_BYTES)
    content[0::_VALUE_BYTES] = bytes([_U8]) * len(value)
    content[_CONTENT_AT::_VALUE_BYTES] = value
    items = _new_list(ffi.wasmtime_component_vallist_t, len(value))
    ctypes.memmove(items.data, bytes(content), len(content))
    target.kind = ffi.WASMTIME_COMPONENT_LIST.value
    target.of.list = items


def _write_list(context: Context, value: list[Any], target: Any) -> None:
    items = _new_list(ffi.wasmtime_component_vallist_t, len(value))
    for at, item in enumerate(value):
        write(context, item, items.data[at])
    target.kind = ffi.WASMTIME_COMPONENT_LIST.value
    target.of.list = items


def _write_tuple(context: Context, value: tuple[Any, ...], target: Any) -> None:
    items = _new_list(ffi.wasmtime_component_valtuple_t, len(value))
    for at, item in enumerate(value):
        write(context, item, items.data[at])
    target.kind = ffi.WASMTIME_COMPONENT_TUPLE.value
    target.of.tuple = items


def _write_record(context: Context, value: dict[str, Any], target: Any) -> None:
    items = _new_list(ffi.wasmtime_component_valrecord_t, len(value))
    for at, (name, item) in enumerate(value.items()):
        items.data[at].name = ffi.str_to_capi(name)
        write(context, item, items.data[at].val)
    target.kind = ffi.WASMTIME_COMPONENT_RECORD.value
    target.of.record = items


def _write_none(_context: Context, _value: None, target: Any) -> None:
    target.kind = ffi.WASMTIME_COMPONENT_OPTION.value
    target.of.option = None


def _write_result(context: Context, value: Ok | Err, target: Any) -> None:
    target.kind = ffi.WASMTIME_COMPONENT_RESULT.value
    target.of.result.is_ok = isinstance(value, Ok)
    target.of.result.val = _boxed(context, value.value)


def _write_case(context: Context, value: Case, target: Any) -> None:
    target.kind = ffi.WASMTIME_COMPONENT_VARIANT.value
    target.of.variant.discriminant = ffi.str_to_capi(value.name)
    target.of.variant.val = _boxed(context, value.value)


def _write_handle(context: Context, value: Handle, target: Any) -> None:
    host = ffi.wasmtime_component_resource_host_new(True, value.number, value.resource_type)
    owned = ctypes.POINTER(ffi.wasmtime_component_resource_any_t)()
    try:
        _check(ffi.wasmtime_component_resource_host_to_any(context, host, ctypes.byref(owned)))
    finally:
        ffi.wasmtime_component_resource_host_delete(host)
    target.kind = ffi.WASMTIME_COMPONENT_RESOURCE.value
    target.of.resource = owned


def _boxed(context: Context, value: Any) -> Any:
    """What stands in a result or variant: a value of its own, or nothing."""
    if value is None:
        return None
    content = ffi.wasmtime_component_val_t()
    write(context, value, content)
    return ffi.wasmtime_component_val_new(ctypes.byref(content))


def _new_list(kind: Any, length: int) -> Any:
    items = kind()
    new = getattr(ffi, f"{kind.__name__.removesuffix('_t')}_new_uninit")
    new(ctypes.byref(items), length)
    return items


def _read_list(context: Context, value: Any) -> Any:
    items = value.of.list
    if items.size and items.data[0].kind == _U8:
        whole = ctypes.string_at(items.data, items.size * _VALUE_BYTES)
        return whole[_CONTENT_AT::_VALUE_BYTES]
    return [read(context, items.data[at]) for at in range(items.size)]


def _read_result(context: Context, value: Any) -> Ok | Err:
    result = value.of.result
    content = read(context, result.val.contents) if result.val else None
    return Ok(content) if result.is_ok else Err(content)


def _read_handle(context: Context, value: Any) -> int:
    host = ctypes.POINTER(ffi.wasmtime_component_resource_host_t)()
    _check(
        ffi.wasmtime_component_resource_any_to_host(context, value.of.resource, ctypes.byref(host))
    )
    try:
        return int(ffi.wasmtime_component_resource_host_rep(host))
    finally:
        ffi.wasmtime_component_resource_host_delete(host)


def _check(error: Any) -> None:
    if error:
        raise wasmtime.WasmtimeError._from_ptr(error)  # noqa: SLF001


_WRITERS: dict[type, Callable[[Context, Any, Any], None]] = {
    bool: _write_truth,
    Number: _write_number,
    Handle: _write_handle,
    Ok: _write_result,
    Err: _write_result,
    bytes: _write_bytes,
    str: _write_text,
    type(None): _write_none,
    Case: _write_case,
    list: _write_list,
    tuple: _write_tuple,
    dict: _write_record,
}

_READERS: dict[int, Callable[[Context, Any], Any]] = {
    ffi.WASMTIME_COMPONENT_BOOL.value: lambda _, value: bool(value.of.boolean),
    _U8: lambda _, value: int(value.of.u8),
    ffi.WASMTIME_COMPONENT_U32.value: lambda _, value: int(value.of.u32),
    ffi.WASMTIME_COMPONENT_U64.value: lambda _, value: int(value.of.u64),
    ffi.WASMTIME_COMPONENT_STRING.value: lambda _, value: ffi.to_str(value.of.string),
    ffi.WASMTIME_COMPONENT_LIST.value: _read_list,
    ffi.WASMTIME_COMPONENT_RESULT.value: _read_result,
    ffi.WASMTIME_COMPONENT_RESOURCE.value: _read_handle,
}
