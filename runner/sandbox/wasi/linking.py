"""Puts the host functions on a linker, as raw C callbacks.

wasmtime-py's own `define_func` converts every value to a Python object and back, about 20 us a
call; the unchecked callback of the C API hands over the 16-byte slots as they are, about 4 us.

Safety rests on this: the linker checks a module's imports against the types given here, so the
slots hold what the signature says; nothing raises into wasmtime; and a callback and its function
type live as long as the process.
"""

import ctypes
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import wasmtime
from wasmtime import _ffi as ffi

from runner.sandbox.wasi import (
    abi,
    calls_descriptors,
    calls_network,
    calls_paths,
    calls_poll,
    calls_process,
    calls_sockets,
)
from runner.sandbox.wasi.abi import Errno, GuestEnd, WasiError
from runner.sandbox.wasi.guest import Calls, Guest

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t
)
_Finalizer = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_NO_FINALIZER = _Finalizer()
_SLOT_BYTES = 16
_SLOT = {"i": "I12x", "I": "Q8x", "S": "q8x"}
_ERRNO = {errno: int(errno).to_bytes(4, "little") for errno in Errno}

WASI_CALLS: Calls = {
    **calls_process.CALLS,
    **calls_descriptors.CALLS,
    **calls_paths.CALLS,
    **calls_poll.CALLS,
    **calls_sockets.CALLS,
}


@dataclass
class CallCounter:
    """How often the guest called, how often it may, and how a call ended it."""

    calls_max: int = 0
    calls: int = 0
    end: GuestEnd | None = None
    fault: BaseException | None = None
    """A bug of ours: the run says nothing about the guest."""

    def begin_run(self, calls_max: int) -> None:
        """Forget the run before."""
        self.calls_max = calls_max
        self.calls = 0
        self.end = None
        self.fault = None

    def count(self) -> None:
        """One more call. Raises GuestEnd(HOST_CALLS_EXCEEDED)."""
        self.calls += 1
        if self.calls > self.calls_max:
            raise GuestEnd("HOST_CALLS_EXCEEDED", {"host_calls_max": self.calls_max})


class HostFunctions:
    """The functions that modules may import, working on one guest at a time.

    Args:
        guest: whose memory and world they work on.
    """

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self._kept: list[Any] = []
        self.counter = CallCounter()
        # As with guest memories: nothing may be freed while an engine could still call it.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))

    def define(self, linker: wasmtime.Linker) -> None:
        """Put all of them on a linker."""
        for name, (signature, function) in WASI_CALLS.items():
            self._define(linker, abi.MODULE, name, signature, function)
        for name, (signature, function) in calls_network.CALLS.items():
            self._define(linker, calls_network.MODULE, name, signature, function)
        self._define(linker, abi.MODULE, "proc_exit", "i", calls_process.proc_exit, answers=False)

    def _define(
        self,
        linker: wasmtime.Linker,
        module: str,
        name: str,
        signature: str,
        function: Callable[..., None],
        *,
        answers: bool = True,
    ) -> None:
        i32, i64 = wasmtime.ValType.i32(), wasmtime.ValType.i64()
        parameters = [i32 if letter == "i" else i64 for letter in signature]
        kind = wasmtime.FuncType(parameters, [i32] if answers else [])
        callback = _Callback(self._callback(signature, function))
        self._kept += [kind, callback]
        error = ffi.wasmtime_linker_define_func_unchecked(
            linker.ptr(),
            *_name(module),
            *_name(name),
            kind.ptr(),
            ctypes.cast(callback, ffi.wasmtime_func_unchecked_callback_t),
            None,
            _NO_FINALIZER,
        )
        if error:
            raise wasmtime.WasmtimeError._from_ptr(error)  # noqa: SLF001 - no public way

    def _callback(self, signature: str, function: Callable[..., None]) -> Callable[..., int]:
        """The C side of one function: count, unpack, call, put the errno into the first slot."""
        guest, counter = self._guest, self.counter
        unpack = struct.Struct("<" + "".join(_SLOT[letter] for letter in signature)).unpack
        slots_bytes = _SLOT_BYTES * len(signature)
        string_at, memmove = ctypes.string_at, ctypes.memmove
        success = _ERRNO[Errno.SUCCESS]

        def called(_environment: Any, _caller: Any, slots: int, _count: int) -> int:
            answer = success
            try:
                counter.count()
                function(guest, *unpack(string_at(slots, slots_bytes)))
            except WasiError as error:
                answer = _ERRNO[error.errno]
            except GuestEnd as end:
                # Without the traceback, which would hold what the guest had in hand.
                counter.end = end.with_traceback(None)
                return _new_trap()
            except BaseException as fault:  # noqa: BLE001 - nothing may unwind into wasmtime
                counter.fault = fault
                return _new_trap()
            memmove(slots, answer, 4)
            return 0

        return called


def imports_offered() -> Iterator[str]:
    """`module.name` of everything that a core module may import."""
    yield from (f"{abi.MODULE}.{name}" for name in (*WASI_CALLS, "proc_exit"))
    yield from (f"{calls_network.MODULE}.{name}" for name in calls_network.CALLS)


def _name(text: str) -> tuple[Any, int]:
    encoded = text.encode("utf-8")
    return ctypes.create_string_buffer(encoded, len(encoded)), len(encoded)


def _new_trap() -> int:
    """A trap, which wasmtime takes and ends the guest with; what it says is in the counter."""
    message = b"the guest has ended"
    trap = ffi.wasmtime_trap_new(ctypes.create_string_buffer(message, len(message)), len(message))
    return ctypes.cast(trap, ctypes.c_void_p).value or 0
