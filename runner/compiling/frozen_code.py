"""Compiled code in memory that can be mapped by many processes and changed by none.

The code lies in a file in memory without a name (memfd) under all of the kernel's file seals: from
then on nobody, not even who holds a descriptor of it, can write it, cut it or lift a seal. A
sandbox process maps the pages that are there already; and a mapping can neither change nor end
with SIGBUS.
"""

import fcntl
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


def unfrozen_file() -> int:
    """An empty file in memory, to be filled and given to `FrozenCode`."""
    return os.memfd_create("spell-code", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


class FrozenCode:
    """One module's code. Its memory is given back when the last reference and mapping are gone.

    Args:
        descriptor: of a file in memory with the code, from `unfrozen_file`; it belongs to this
            object from now on.

    Raises:
        OSError: somebody still has it mapped for writing.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._close = weakref.finalize(self, os.close, descriptor)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
        self.size_bytes = os.fstat(descriptor).st_size

    @classmethod
    def of(cls, content: bytes | memoryview) -> "FrozenCode":
        """Code that is at hand as bytes."""
        descriptor = unfrozen_file()
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def content(self) -> bytes:
        """A copy of the code."""
        return os.pread(self._descriptor, self.size_bytes, 0)

    @contextmanager
    def lent(self) -> Iterator[int]:
        """A descriptor to hand to another process, closed here at the end.

        It is opened anew each time and for reading only, so that nothing that one holder does to it
        (a lock, a lease, an offset) reaches the next holder.
        """
        descriptor = os.open(f"/proc/self/fd/{self._descriptor}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
