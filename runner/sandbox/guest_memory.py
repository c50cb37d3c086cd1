"""Linear memories of guests, provided by us so that a denied growth is known and not guessed.

wasmtime's own store limiter answers a `memory.grow` over the limit with -1 and tells nobody; the
guest then fails in its own way, and the caster would read "the spell crashed" instead of "more
memory than declared". The C API has one hook that sees every growth: a host memory creator. It is
reached through wasmtime-py's private bindings, and costs nothing measurable (docs/runner.md).

Safety rests on two sentences: a memory is one fresh anonymous mapping of the whole reservation and
guard that wasmtime asked for, inaccessible but for the bytes in use; and it is unmapped once,
when its store is closed.
"""

import ctypes
import mmap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import wasmtime
from wasmtime import _ffi as ffi

_PROT_NONE = 0
_PROT_READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE
_MAP_FLAGS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0x4000)
_MAP_FAILED = ctypes.c_void_p(-1).value

_NOTHING = memoryview(b"")

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_long,
]
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]

_Finalizer = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


@dataclass
class _Mapping:
    address: int
    mapped_bytes: int
    capacity_bytes: int
    size_bytes: int


class GuestMemories:
    """Makes, grows and unmaps the memories of one engine, one run at a time.

    After a run, `peak_bytes` is the most that its memories held together, and `denied` says
    whether it asked for more than the limit.
    """

    def __init__(self) -> None:
        self.limit_bytes = 0
        self.peak_bytes = 0
        self.denied = False
        self._view = _NOTHING
        self._mappings: dict[int, _Mapping] = {}
        self._last_key = 0
        # ctypes callbacks must outlive every engine, module and store that calls them, and the
        # interpreter drops objects in no useful order when it ends: never free them.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))
        self._new = ffi.wasmtime_new_memory_callback_t(_answering_errors(self._on_new))
        self._get = ffi.wasmtime_memory_get_callback_t(self._on_get)
        self._grow = ffi.wasmtime_memory_grow_callback_t(_answering_errors(self._on_grow))
        self._close = _Finalizer(self._on_close)
        self._creator: Any = ffi.wasmtime_memory_creator_t()

    def install(self, config: wasmtime.Config) -> None:
        """Make engines of this configuration take their memories from here."""
        self._creator.new_memory = self._new
        ffi.wasmtime_config_host_memory_creator_set(config.ptr(), ctypes.byref(self._creator))

    def view(self) -> memoryview:
        """The bytes that the running guest may use now; empty when it has no memory.

        Not to be kept: the next growth makes another, and the end of the run unmaps it.
        """
        return self._view

    def begin_run(self, limit_bytes: int) -> None:
        """Forget the run before; all memories of the next one together may hold this much."""
        self.limit_bytes = limit_bytes
        self.peak_bytes = 0
        self.denied = False

    def _on_new(
        self,
        _env: Any,
        _type: Any,
        minimum: int,
        _maximum: int,
        reserved: int,
        guard: int,
        ret: Any,
    ) -> None:
        self._admit(minimum)
        capacity = max(reserved, minimum)
        address = _libc.mmap(None, capacity + guard, _PROT_NONE, _MAP_FLAGS, -1, 0)
        if address == _MAP_FAILED:
            raise MemoryError("the address space is full")
        mapping = _Mapping(address, capacity + guard, capacity, 0)
        _open_up(mapping, minimum)
        self._last_key += 1
        self._mappings[self._last_key] = mapping
        self._note_growth(mapping)
        memory = ret.contents
        memory.env = self._last_key
        memory.get_memory = self._get
        memory.grow_memory = self._grow
        memory.finalizer = self._close

    def _on_get(self, key: int, size: Any, capacity: Any) -> int:
        mapping = self._mappings[key]
        size[0] = mapping.size_bytes
        capacity[0] = mapping.capacity_bytes
        return mapping.address

    def _on_grow(self, key: int, new_size: int) -> None:
        mapping = self._mappings[key]
        self._admit(new_size - mapping.size_bytes)
        if new_size > mapping.capacity_bytes:
            raise MemoryError("larger than its reservation")
        _open_up(mapping, new_size)
        self._note_growth(mapping)

    def _on_close(self, key: int) -> None:
        if key == self._last_key:
            self._view = _NOTHING
        mapping = self._mappings.pop(key)
        _libc.munmap(mapping.address, mapping.mapped_bytes)

    def _admit(self, more_bytes: int) -> None:
        if self._held_bytes() + more_bytes > self.limit_bytes:
            self.denied = True
            raise MemoryError("over the memory limit of this run")

    def _note_growth(self, mapping: _Mapping) -> None:
        self.peak_bytes = max(self.peak_bytes, self._held_bytes())
        # A core module has one memory (multi-memory is off), so the last one is the guest's.
        accessible = (ctypes.c_char * mapping.size_bytes).from_address(mapping.address)
        self._view = memoryview(accessible).cast("B")

    def _held_bytes(self) -> int:
        return sum(mapping.size_bytes for mapping in self._mappings.values())


def _open_up(mapping: _Mapping, size_bytes: int) -> None:
    if size_bytes and _libc.mprotect(mapping.address, size_bytes, _PROT_READ_WRITE) != 0:
        raise MemoryError("the process is at its own memory limit")
    mapping.size_bytes = size_bytes


def _answering_errors(callback: Callable[..., None]) -> Callable[..., int]:
    """A C callback that answers null, or a wasmtime error when Python raises."""

    def answer(*arguments: Any) -> int:
        try:
            callback(*arguments)
        except BaseException as error:  # noqa: BLE001 - nothing may unwind into wasmtime
            text = str(error) or type(error).__name__
            pointer = ffi.wasmtime_error_new(text.encode())
            return ctypes.cast(pointer, ctypes.c_void_p).value or 0
        return 0

    return answer
