"""One platform per data directory: two servers on the same files would destroy them."""

import fcntl
import json
import os
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

from infra.embedded.errors import DataDirectoryInUseError


class DirectoryLock:
    """A lock that the kernel gives back when its holder dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock and write down who holds it.

        Raises:
            DataDirectoryInUseError: another process holds it; the message says which.
        """
        # Not inherited by children (Python's default): a child that outlived us would keep it.
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise DataDirectoryInUseError(
                f"The data directory {self._path.parent} is in use by {holder}. "
                "Stop that one first, or choose another data directory."
            ) from None
        holder = json.dumps(
            {
                "pid": os.getpid(),
                "command": shlex.join(sys.argv),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
            }
        )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, holder.encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._descriptor is not None:
            # The file stays: removing it would let two processes lock two files of one name.
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def _holder(descriptor: int) -> str:
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
        return f"process {holder['pid']} (`{holder['command']}`, since {holder['since']})"
    except (ValueError, KeyError, TypeError):
        return "another process that is just starting or stopping"
