"""Calls the functions of WASI preview 1 as a guest does: numbers in, an errno and memory out."""

from typing import Any, Protocol

import wasmtime

from runner.sandbox.wasi import abi
from runner.sandbox.wasi.abi import Errno, GuestEnd, OFlags, Rights, WasiError
from runner.sandbox.wasi.guest import Guest
from runner.sandbox.wasi.linking import WASI_CALLS
from runner.sandbox.wasi.memory import GuestMemory
from runner.sandbox.wasi.world import World

MEMORY_BYTES = 64 * 1024
_RESULT, _VECTOR, _TEXT, _OTHER_TEXT, _BUFFER = 0, 64, 1024, 8192, 16384
BUFFER_BYTES = MEMORY_BYTES - _BUFFER
READ, WRITE = Rights.FD_READ, Rights.FD_WRITE
CREAT, DIRECTORY, EXCL, TRUNC = OFlags.CREAT, OFlags.DIRECTORY, OFlags.EXCL, OFlags.TRUNC


class Way(Protocol):
    """How a call gets to an implementation."""

    memory: memoryview

    def invoke(self, name: str, *arguments: int) -> int:
        """The errno."""


class Direct:
    """Our functions on a memory that is only bytes; nothing but the two expected errors is caught.

    Args:
        world: what the guest can reach.
    """

    def __init__(self, world: World) -> None:
        memory = self.memory = memoryview(bytearray(MEMORY_BYTES))
        self.guest = Guest(GuestMemory(lambda: memory))
        self.guest.world = world

    def invoke(self, name: str, *arguments: int) -> int:
        """The errno; a `GuestEnd` counts as success."""
        try:
            WASI_CALLS[name][1](self.guest, *arguments)
        except WasiError as error:
            return error.errno
        except GuestEnd:
            pass
        return Errno.SUCCESS


class Puppet:
    """A module that does nothing but pass calls on, in an instance of a test's.

    Args:
        store: of the instance.
        linker: with the implementation.
    """

    def __init__(self, store: wasmtime.Store, linker: wasmtime.Linker) -> None:
        module = wasmtime.Module(linker.engine, bytes(wasmtime.wat2wasm(_puppet_text())))
        self._store = store
        self._exports = linker.instantiate(store, module).exports(store)
        held = self._exports["memory"]
        assert isinstance(held, wasmtime.Memory)
        self.memory = memoryview(held.get_buffer_ptr(store)).cast("B")

    def invoke(self, name: str, *arguments: int) -> int:
        """The errno."""
        function = self._exports[name]
        assert isinstance(function, wasmtime.Func)
        return int(function(self._store, *arguments))


class Caller:
    """The functions with Python's types. Each answers the errno; what else came is in `value`.

    Args:
        way: to the implementation.
    """

    def __init__(self, way: Way) -> None:
        self.way = way
        self.value: Any = 0

    def open(
        self, folder: int, path: bytes, oflags: int = 0, rights: int = READ, **others: int
    ) -> Errno:
        """`path_open`; the value is the descriptor."""
        where = self._text(path)
        lookup, flags = others.get("lookup", 0), others.get("flags", 0)
        return self._number("path_open", folder, lookup, *where, oflags, rights, 0, flags, _RESULT)

    def write(self, fd: int, content: bytes) -> Errno:
        """`fd_write`; the value is how much."""
        self._buffer(content)
        return self._number("fd_write", fd, _VECTOR, 1, _RESULT)

    def pwrite(self, fd: int, content: bytes, offset: int) -> Errno:
        """`fd_pwrite`; the value is how much."""
        self._buffer(content)
        return self._number("fd_pwrite", fd, _VECTOR, 1, offset, _RESULT)

    def read(self, fd: int, length: int) -> Errno:
        """`fd_read`; the value is the bytes."""
        self._buffer(bytes(length))
        return self._bytes("fd_read", fd, _VECTOR, 1, _RESULT)

    def pread(self, fd: int, length: int, offset: int) -> Errno:
        """`fd_pread`; the value is the bytes."""
        self._buffer(bytes(length))
        return self._bytes("fd_pread", fd, _VECTOR, 1, offset, _RESULT)

    def seek(self, fd: int, offset: int, whence: int) -> Errno:
        """`fd_seek`; the value is the new offset."""
        return self._number("fd_seek", fd, offset, whence, _RESULT, size=8)

    def tell(self, fd: int) -> Errno:
        """`fd_tell`; the value is the offset."""
        return self._number("fd_tell", fd, _RESULT, size=8)

    def call(self, name: str, *arguments: int | bytes) -> Errno:
        """Any function without a result; a path is given as bytes."""
        numbers: list[int] = []
        places = iter((_TEXT, _OTHER_TEXT))
        for argument in arguments:
            if isinstance(argument, bytes):
                numbers += self._text(argument, next(places))
            else:
                numbers.append(argument)
        return Errno(self.way.invoke(name, *numbers))

    def readlink(self, folder: int, path: bytes, length: int = 256) -> Errno:
        """`path_readlink`; the value is the target."""
        return self._bytes("path_readlink", folder, *self._text(path), _BUFFER, length, _RESULT)

    def readdir(self, fd: int, cookie: int = 0, length: int = BUFFER_BYTES) -> Errno:
        """`fd_readdir`; the value is the bytes."""
        return self._bytes("fd_readdir", fd, _BUFFER, length, cookie, _RESULT)

    def names(self, fd: int, length: int = 512) -> list[bytes]:
        """All names in a folder, read with a buffer of this length."""
        found: list[bytes] = []
        cookie = 0
        while True:
            errno = self.readdir(fd, cookie, length)
            assert errno is Errno.SUCCESS, errno
            entries = entries_of(self.value)
            found += [name for _, name in entries]
            if len(self.value) < length:
                return found
            cookie = entries[-1][0]

    def stat(self, folder: int, path: bytes, *, follow: bool = False) -> Errno:
        """`path_filestat_get`; `stat_value` has the result."""
        return Errno(
            self.way.invoke("path_filestat_get", folder, int(follow), *self._text(path), _RESULT)
        )

    def fstat(self, fd: int) -> Errno:
        """`fd_filestat_get`; `stat_value` has the result."""
        return Errno(self.way.invoke("fd_filestat_get", fd, _RESULT))

    @property
    def number(self) -> int:
        """The value, when it is a number."""
        assert isinstance(self.value, int)
        return self.value

    @property
    def stat_value(self) -> tuple[int, ...]:
        """Device, inode, kind, links, size, and three times."""
        return abi.FILESTAT.unpack(self.way.memory[_RESULT : _RESULT + abi.FILESTAT.size])

    def _text(self, path: bytes, place: int = _TEXT) -> list[int]:
        self.way.memory[place : place + len(path)] = path
        return [place, len(path)]

    def _buffer(self, content: bytes) -> None:
        self.way.memory[_VECTOR : _VECTOR + 8] = abi.IOVEC.pack(_BUFFER, len(content))
        self.way.memory[_BUFFER : _BUFFER + len(content)] = content

    def _number(self, name: str, *arguments: int, size: int = 4) -> Errno:
        errno = Errno(self.way.invoke(name, *arguments))
        if errno is Errno.SUCCESS:
            self.value = int.from_bytes(self.way.memory[_RESULT : _RESULT + size], "little")
        return errno

    def _bytes(self, name: str, *arguments: int) -> Errno:
        errno = self._number(name, *arguments)
        if errno is Errno.SUCCESS:
            self.value = bytes(self.way.memory[_BUFFER : _BUFFER + self.value])
        return errno


def entries_of(listing: bytes) -> list[tuple[int, bytes]]:
    """The whole entries in what `fd_readdir` wrote: the cookie after each, and its name."""
    entries, at = [], 0
    while at + abi.DIRENT.size <= len(listing):
        cookie, _, length, _ = abi.DIRENT.unpack_from(listing, at)
        at += abi.DIRENT.size + length
        if at <= len(listing):
            entries.append((cookie, listing[at - length : at]))
    return entries


def _puppet_text() -> str:
    kinds = {"i": "i32", "I": "i64", "S": "i64"}
    lines = []
    for name, (signature, _) in WASI_CALLS.items():
        kind = f"(param {' '.join(kinds[letter] for letter in signature)}) (result i32)"
        lines.append(f'(import "{abi.MODULE}" "{name}" (func ${name} {kind}))')
    for name, (signature, _) in WASI_CALLS.items():
        kind = f"(param {' '.join(kinds[letter] for letter in signature)}) (result i32)"
        passed = " ".join(f"(local.get {number})" for number in range(len(signature)))
        lines.append(f'(func (export "{name}") {kind} (call ${name} {passed}))')
    return "\n".join(["(module", *lines, '(memory (export "memory") 1))'])
