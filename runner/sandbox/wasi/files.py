"""The file tree of a guest: folders, files and links in memory, with an exact quota.

`/resources` holds what the package grants, read-only and shared by all casts of a version;
`/scratch` is the guest's own, and gone with it; `artifacts.py` has the tree of `/artifacts`.
"""

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from runner.sandbox.wasi.abi import Errno, FileType, WasiError

# What a name and its node take of the quota, so that a million empty files are not free.
NODE_BYTES = 256
_NAME_BYTES_MAX = 255


class Device(IntEnum):
    """Which tree a node is in. Each counts its inodes from 1; nothing is moved between them."""

    READ_ONLY = 1
    SCRATCH = 2
    ARTIFACTS = 3


@dataclass(eq=False, slots=True)
class Node:
    """What all kinds of files have. Times are nanoseconds since 1970."""

    inode: int
    device: Device
    accessed: int = 0
    modified: int = 0
    changed: int = 0
    links: int = 1
    """How many names it has."""

    @property
    def read_only(self) -> bool:
        """Whether it may not be changed."""
        return self.device is Device.READ_ONLY


@dataclass(eq=False, slots=True)
class File(Node):
    """Bytes."""

    content: bytes | bytearray = b""
    opens: int = 0
    """How many descriptors it has. Only counted where it may change."""
    kind = FileType.REGULAR_FILE


@dataclass(eq=False, slots=True)
class Link(Node):
    """A symbolic link: a path relative to where it stands."""

    target: bytes = b""
    kind = FileType.SYMBOLIC_LINK


@dataclass(eq=False, slots=True, weakref_slot=True)
class Folder(Node):
    """Names and what they lead to."""

    entries: dict[bytes, "File | Link | Folder"] = field(default_factory=dict)
    above: "weakref.ref[Folder] | None" = None
    """Weak, so that a tree goes with its run and does not wait for the garbage collector."""
    kind = FileType.DIRECTORY

    @property
    def parent(self) -> "Folder | None":
        """The folder that it is in; the top of a tree has none."""
        return self.above() if self.above else None


Entry = File | Link | Folder


def read_only_tree(files: Mapping[str, bytes]) -> Folder:
    """A tree of these files, by path relative to its top.

    Inode numbers follow the order of the paths, so that every process counts them the same.
    """
    top = Folder(1, Device.READ_ONLY)
    last_inode = 1
    for path, content in sorted(files.items()):
        folder = top
        *folders, name = path.encode("utf-8").split(b"/")
        for part in folders:
            if part not in folder.entries:
                last_inode += 1
                folder.entries[part] = Folder(
                    last_inode, Device.READ_ONLY, above=weakref.ref(folder)
                )
            below = folder.entries[part]
            assert isinstance(below, Folder), "a package has no name that is file and folder"
            folder = below
        last_inode += 1
        folder.entries[name] = File(last_inode, Device.READ_ONLY, content=content)
    return top


class Scratch:
    """A writable tree that knows what it holds.

    Args:
        bytes_max: contents, and `NODE_BYTES` and the name for each entry.
        now: the guest's clock, in nanoseconds.
        on_full: told when something does not fit.
    """

    device = Device.SCRATCH

    def __init__(self, bytes_max: int, now: Callable[[], int], on_full: Callable[[], None]) -> None:
        self._bytes_max = bytes_max
        self._now = now
        self._on_full = on_full
        self.bytes_held = 0
        self._last_inode = 1
        self.bytes_peak = 0
        self.top = Folder(1, self.device)

    def new_file(self, folder: Folder, name: bytes) -> File:
        """An empty file under a name that is free."""
        file = File(self._new_inode(folder, name), self.device, content=bytearray())
        self._put(folder, name, file)
        return file

    def new_folder(self, folder: Folder, name: bytes) -> None:
        """An empty folder under a name that is free."""
        inode = self._new_inode(folder, name)
        self._put(folder, name, Folder(inode, self.device, above=weakref.ref(folder)))

    def new_link(self, folder: Folder, name: bytes, target: bytes) -> None:
        """A symbolic link under a name that is free."""
        inode = self._new_inode(folder, name, more=len(target))
        self._put(folder, name, Link(inode, self.device, target=target))

    def add_name(self, folder: Folder, name: bytes, entry: File | Link) -> None:
        """A second name for a file or link."""
        self._check_name(folder, name)
        self._take(NODE_BYTES + len(name))
        folder.entries[name] = entry
        entry.links += 1
        entry.changed = folder.modified = folder.changed = self._now()

    def remove(self, folder: Folder, name: bytes) -> None:
        """Take a name away; the content goes with the last name and the last descriptor."""
        entry = folder.entries.pop(name)
        entry.links -= 1
        self._give_back(NODE_BYTES + len(name))
        if isinstance(entry, File):
            self._drop_unreachable(entry)
        elif isinstance(entry, Link) and not entry.links:
            self._give_back(len(entry.target))
        entry.changed = folder.modified = folder.changed = self._now()

    def move(self, source: tuple[Folder, bytes], target: tuple[Folder, bytes]) -> None:
        """Give an entry another name, which is free."""
        folder, name = target
        self._check_name(folder, name)
        self._take(len(name) - len(source[1]))
        entry = source[0].entries.pop(source[1])
        folder.entries[name] = entry
        if isinstance(entry, Folder):
            entry.above = weakref.ref(folder)
        for changed in (source[0], folder):
            changed.modified = changed.changed = self._now()

    def check_move(self, entry: Entry, folder: Folder, name: bytes) -> None:
        """Raise WasiError if this tree takes no such entry there; called before room is made."""

    def opened(self, file: File) -> None:
        """Count a descriptor: while there is one, the content stays."""
        file.opens += 1

    def closed(self, file: File) -> None:
        """Count a descriptor less."""
        file.opens -= 1
        self._drop_unreachable(file)

    def write(self, file: File, at: int, content: bytes) -> None:
        """Put bytes into a file, with zeroes in front when it ends before.

        Raises:
            WasiError: NOSPC; then nothing is written.
        """
        if content:
            self._fit(file, max(len(file.content), at + len(content)))
            file.content[at : at + len(content)] = content  # type: ignore[index]
        file.modified = file.changed = self._now()

    def resize(self, file: File, size: int) -> None:
        """Cut a file, or fill it up with zeroes. Raises WasiError(NOSPC)."""
        self._fit(file, size)
        file.modified = file.changed = self._now()

    def _fit(self, file: File, size: int) -> None:
        assert isinstance(file.content, bytearray)
        grown = size - len(file.content)
        self._take(grown)
        if grown > 0:
            file.content.extend(bytes(grown))
        else:
            del file.content[size:]

    def _drop_unreachable(self, file: File) -> None:
        if not file.links and not file.opens:
            self._give_back(len(file.content))
            file.content = bytearray()

    def _new_inode(self, folder: Folder, name: bytes, more: int = 0) -> int:
        """The number of a new entry, once the quota has room for it."""
        self._check_name(folder, name)
        self._take(NODE_BYTES + len(name) + more)
        self._last_inode += 1
        return self._last_inode

    def _put(self, folder: Folder, name: bytes, entry: "Entry") -> None:
        now = self._now()
        entry.accessed = entry.modified = entry.changed = now
        folder.modified = folder.changed = now
        folder.entries[name] = entry

    def _check_name(self, folder: Folder, name: bytes) -> None:
        assert name not in folder.entries
        if not folder.links:
            # The folder has been removed while it was open: nothing could ever be found in it.
            raise WasiError(Errno.NOENT)
        if len(name) > _NAME_BYTES_MAX:
            raise WasiError(Errno.NAMETOOLONG)

    def _take(self, more: int) -> None:
        """Count so many bytes more, or less when the number is negative."""
        if more > 0 and self.bytes_held + more > self._bytes_max:
            self._on_full()
            raise WasiError(Errno.NOSPC)
        self.bytes_held += more
        self.bytes_peak = max(self.bytes_peak, self.bytes_held)

    def _give_back(self, less: int) -> None:
        self._take(-less)
