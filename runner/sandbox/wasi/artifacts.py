"""The tree of `/artifacts`: what a guest leaves there becomes artifacts of its cast.

Whatever an artifact cannot be is refused by the call that would make it, so that sealing the tree
at the end cannot fail: there are plain files alone, few of them, with names that artifacts have.
"""

from collections.abc import Iterator

from runner.sandbox.wasi.abi import Errno, WasiError
from runner.sandbox.wasi.files import Device, Entry, File, Folder, Link, Scratch
from schema.artifact_names import is_artifact_name
from schema.limits import (
    ARTIFACT_NAME_CHARS_MAX,
    ARTIFACTS_PER_CAST_MAX,
    RUN_ARTIFACT_ENTRIES_MAX,
)
from schema.packaging.artifact_archive import fits_archive


class ArtifactTree(Scratch):
    """A writable tree of files that may become artifacts. Its quota counts as scratch's does."""

    device = Device.ARTIFACTS

    def files(self) -> dict[str, bytes]:
        """What is there, by path, in the order of paths."""
        found = {
            path.decode("ascii"): bytes(entry.content)
            for path, entry in _below(self.top)
            if isinstance(entry, File)
        }
        return dict(sorted(found.items()))

    def new_file(self, folder: Folder, name: bytes) -> File:
        """An empty file under a name that is free. Raises WasiError: DQUOT, INVAL, NAMETOOLONG."""
        _check_fits(_path_of(folder, name), is_file=True)
        self._check_count(files=1)
        return super().new_file(folder, name)

    def new_folder(self, folder: Folder, name: bytes) -> None:
        """An empty folder under a name that is free. Raises as `new_file`."""
        _check_fits(_path_of(folder, name), is_file=False)
        self._check_count(files=0)
        super().new_folder(folder, name)

    def new_link(self, folder: Folder, name: bytes, target: bytes) -> None:
        """Refused, as by file systems that have no links. Raises WasiError(PERM)."""
        del folder, name, target
        raise WasiError(Errno.PERM)

    def add_name(self, folder: Folder, name: bytes, entry: File | Link) -> None:
        """Refused: a file has one name here. Raises WasiError(PERM)."""
        del folder, name, entry
        raise WasiError(Errno.PERM)

    def check_move(self, entry: Entry, folder: Folder, name: bytes) -> None:
        """Whether all that moves may have the names that it would get. Raises as `new_file`."""
        path = _path_of(folder, name)
        _check_fits(path, is_file=isinstance(entry, File))
        if isinstance(entry, Folder):
            for rest, below in _below(entry):
                _check_fits(path + b"/" + rest, is_file=isinstance(below, File))

    def _check_count(self, *, files: int) -> None:
        """Raise WasiError(DQUOT) when one more is too many; a folder is no artifact, but counts."""
        entries = [entry for _, entry in _below(self.top)]
        kept = sum(isinstance(entry, File) for entry in entries)
        full = len(entries) >= RUN_ARTIFACT_ENTRIES_MAX
        if full or kept + files > ARTIFACTS_PER_CAST_MAX:
            self._on_full()
            raise WasiError(Errno.DQUOT)


def _below(folder: Folder) -> Iterator[tuple[bytes, Entry]]:
    """All that is in a folder, with its path from there."""
    waiting: list[tuple[bytes, Folder]] = [(b"", folder)]
    while waiting:
        prefix, now = waiting.pop()
        for name, entry in now.entries.items():
            path = prefix + name
            yield path, entry
            if isinstance(entry, Folder):
                waiting.append((path + b"/", entry))


def _path_of(folder: Folder, name: bytes) -> bytes:
    """The path of a name in a folder, from the top of the tree."""
    parts = [name]
    while (parent := folder.parent) is not None:
        parts += [each for each, entry in parent.entries.items() if entry is folder]
        folder = parent
    return b"/".join(reversed(parts))


def _check_fits(path: bytes, *, is_file: bool) -> None:
    """Raise WasiError: NAMETOOLONG, INVAL. A folder fits if a file in it could."""
    name = path.decode("utf-8") if is_file else path.decode("utf-8") + "/_"
    if len(name) > ARTIFACT_NAME_CHARS_MAX:
        raise WasiError(Errno.NAMETOOLONG)
    if not (fits_archive(name) if is_file else is_artifact_name(name)):
        raise WasiError(Errno.INVAL)
