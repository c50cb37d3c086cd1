"""The guest's linear memory, as the host functions see it: never a byte outside of it.

Addresses and lengths come from the guest. All access goes through these methods, which compare
the end with the size first; Python's own bounds checks of memoryview stand behind them.
"""

import struct
from collections.abc import Callable
from typing import Any

from runner.sandbox.wasi.abi import U32, U64, Errno, WasiError


class GuestMemory:
    """Reads and writes of one guest's memory.

    Args:
        view: answers the accessible bytes as they are now; empty when the guest has no memory.
    """

    __slots__ = ("_view",)

    def __init__(self, view: Callable[[], memoryview]) -> None:
        self._view = view

    def read(self, address: int, length: int) -> bytes:
        """A copy of these bytes. Raises WasiError(FAULT) when they are not all in the memory."""
        view = self._view()
        end = address + length
        if end > len(view):
            raise WasiError(Errno.FAULT)
        return bytes(view[address:end])

    def write(self, address: int, content: bytes | bytearray | memoryview) -> None:
        """Put bytes there. Raises WasiError(FAULT); then nothing is written."""
        view = self._view()
        end = address + len(content)
        if end > len(view):
            raise WasiError(Errno.FAULT)
        view[address:end] = content

    def check(self, address: int, length: int) -> None:
        """Raise WasiError(FAULT) unless these bytes are in the memory."""
        if address + length > len(self._view()):
            raise WasiError(Errno.FAULT)

    def unpack(self, layout: struct.Struct, address: int) -> tuple[Any, ...]:
        """A structure of the guest's."""
        return layout.unpack(self.read(address, layout.size))

    def pack(self, layout: struct.Struct, address: int, *values: int) -> None:
        """Write a structure."""
        self.write(address, layout.pack(*values))

    def write_u32(self, address: int, value: int) -> None:
        """Write a size or a descriptor."""
        self.write(address, U32.pack(value))

    def write_u64(self, address: int, value: int) -> None:
        """Write a file size or a time."""
        self.write(address, U64.pack(value))

    def text(self, address: int, length: int) -> bytes:
        """A path: UTF-8 of bounded length without NUL.

        Raises:
            WasiError: FAULT, NAMETOOLONG or ILSEQ.
        """
        if length > _PATH_BYTES_MAX:
            raise WasiError(Errno.NAMETOOLONG)
        content = self.read(address, length)
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise WasiError(Errno.ILSEQ) from error
        if b"\0" in content:
            raise WasiError(Errno.ILSEQ)
        return content


_PATH_BYTES_MAX = 4096
