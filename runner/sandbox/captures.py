"""Where a guest's output goes: anonymous files in memory, emptied after each run.

They have no name in any file system, so nothing is left behind however a process dies. wasmtime
opens them by `/proc/self/fd/<n>`. A file is three to four times faster than a Python callback.
"""

import os


class Capture:
    """One output stream of the guest."""

    def __init__(self, name: str) -> None:
        self._descriptor = os.memfd_create(name)
        self.path = f"/proc/self/fd/{self._descriptor}"

    def size_bytes(self) -> int:
        """How much was written since the last `clear`."""
        return os.fstat(self._descriptor).st_size

    def read(self, bytes_max: int) -> bytes:
        """The first bytes that were written, at most so many."""
        wanted = min(self.size_bytes(), bytes_max)
        content = os.pread(self._descriptor, wanted, 0)
        if len(content) != wanted:
            raise OSError("a file in memory was read short")
        return content

    def clear(self) -> None:
        """Give the memory back."""
        if self.size_bytes():
            os.ftruncate(self._descriptor, 0)
