"""How a path is found in a tree: never above the folder that it starts from."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from runner.sandbox.wasi.abi import Errno, WasiError
from runner.sandbox.wasi.files import Entry, Folder, Link

_LINKS_MAX = 40


@dataclass(frozen=True)
class Place:
    """Where a path leads: a name in a folder, and what is there, if anything."""

    folder: Folder
    name: bytes
    """Empty when the path leads to the folder itself."""
    entry: Entry | None
    must_be_folder: bool
    """The path ends with a slash."""


class Finder:
    """Finds places below a folder.

    Args:
        on_escape: told of each path that tries to leave the folder.
    """

    def __init__(self, on_escape: Callable[[bytes], None]) -> None:
        self.note_escape = on_escape

    def find(
        self, start: Folder, path: bytes, *, follow: bool, slash_follows: bool = True
    ) -> Place:
        """Walk the path.

        Args:
            start: the folder of the descriptor; nothing above it can be reached.
            path: relative, `/` between its parts.
            follow: a link at the very end is walked too.
            slash_follows: and if the path ends with a slash, it is walked in any case.

        Raises:
            WasiError: NOENT, NOTDIR, LOOP, or PERM when the path would leave the folder.
        """
        must_be_folder = path.endswith(b"/")
        follow |= must_be_folder and slash_follows
        parts = self._parts(path)
        folders, links = [start], 0
        name, entry = b"", _as_entry(start)
        while parts:
            if not isinstance(entry, Folder):
                raise WasiError(Errno.NOENT if entry is None else Errno.NOTDIR)
            part = parts.popleft()
            if part in {b".", b".."}:
                if part == b"..":
                    self._go_up(folders, path)
                name, entry = b"", folders[-1]
                continue
            name, entry = part, folders[-1].entries.get(part)
            if isinstance(entry, Link) and (parts or follow):
                links += 1
                if links > _LINKS_MAX:
                    raise WasiError(Errno.LOOP)
                must_be_folder |= not parts and entry.target.endswith(b"/")
                parts.extendleft(reversed(self._parts(entry.target)))
                name, entry = b"", folders[-1]
            elif isinstance(entry, Folder) and parts:
                folders.append(entry)
        return Place(folders[-1], name, entry, must_be_folder)

    def _go_up(self, folders: list[Folder], path: bytes) -> None:
        if len(folders) == 1:
            self.note_escape(path)
            raise WasiError(Errno.PERM)
        folders.pop()

    def _parts(self, path: bytes) -> deque[bytes]:
        if not path:
            raise WasiError(Errno.NOENT)
        if path.startswith(b"/"):
            self.note_escape(path)
            raise WasiError(Errno.PERM)
        return deque(part for part in path.split(b"/") if part)


def _as_entry(folder: Folder) -> Entry | None:
    return folder
