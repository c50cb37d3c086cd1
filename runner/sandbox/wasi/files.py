"""The file tree of a guest: folders, files and links in memory, with an exact quota.

`/resources` holds what the package grants, read-only and shared by all casts of a version;
`/scratch` is the guest's own, and gone with it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from runner.sandbox.wasi.abi import Errno, FileType, WasiError

# What a name and its node take of the quota, so that a million empty files are not free.
NODE_BYTES = 256
_NAME_BYTES_MAX = 255


@dataclass(eq=False)
class Node:
    """What all kinds of files have. Times are nanoseconds since 1970."""

    inode: int
    read_only: bool
    accessed: int = 0
    modified: int = 0
    changed: int = 0
    links: int = 1


@dataclass(eq=False)
class File(Node):
    """Bytes."""

    content: bytes | bytearray = b""
    kind = FileType.REGULAR_FILE


@dataclass(eq=False)
class Link(Node):
    """A symbolic link: a path relative to where it stands."""

    target: bytes = b""
    kind = FileType.SYMBOLIC_LINK


@dataclass(eq=False)
class Folder(Node):
    """Names and what they lead to. The top of a tree is its own parent."""

    entries: dict[bytes, "File | Link | Folder"] = field(default_factory=dict)
    parent: "Folder | None" = None
    kind = FileType.DIRECTORY


Entry = File | Link | Folder


def read_only_tree(files: Mapping[str, bytes]) -> Folder:
    """A tree of these files, by path relative to its top.

    Inode numbers follow the order of the paths, so that every process counts them the same.
    """
    top = Folder(inode=1, read_only=True)
    last_inode = 1
    for path, content in sorted(files.items()):
        folder = top
        *folders, name = path.encode("utf-8").split(b"/")
        for part in folders:
            if part not in folder.entries:
                last_inode += 1
                folder.entries[part] = Folder(inode=last_inode, read_only=True, parent=folder)
            below = folder.entries[part]
            assert isinstance(below, Folder), "a package has no name that is file and folder"
            folder = below
        last_inode += 1
        folder.entries[name] = File(inode=last_inode, read_only=True, content=content)
    return top


class Scratch:
    """A writable tree that knows what it holds.

    Args:
        bytes_max: contents, and `NODE_BYTES` and the name for each entry.
        now: the guest's clock, in nanoseconds.
        on_full: told when something does not fit.
    """

    def __init__(self, bytes_max: int, now: Callable[[], int], on_full: Callable[[], None]) -> None:
        self._bytes_max = bytes_max
        self._now = now
        self._on_full = on_full
        self._bytes = 0
        self._last_inode = 1
        self.bytes_peak = 0
        self.top = Folder(inode=1, read_only=False)

    def new_file(self, folder: Folder, name: bytes) -> File:
        """An empty file under a name that is free."""
        file = File(self._new_inode(folder, name), read_only=False, content=bytearray())
        self._put(folder, name, file)
        return file

    def new_folder(self, folder: Folder, name: bytes) -> None:
        """An empty folder under a name that is free."""
        inode = self._new_inode(folder, name)
        self._put(folder, name, Folder(inode, read_only=False, parent=folder))

    def new_link(self, folder: Folder, name: bytes, target: bytes) -> None:
        """A symbolic link under a name that is free."""
        inode = self._new_inode(folder, name, more=len(target))
        self._put(folder, name, Link(inode, read_only=False, target=target))

    def add_name(self, folder: Folder, name: bytes, file: File) -> None:
        """A second name for a file."""
        self._check_name(folder, name)
        self._take(NODE_BYTES + len(name))
        folder.entries[name] = file
        file.links += 1

    def remove(self, folder: Folder, name: bytes) -> None:
        """Take a name away; the content goes with the last one."""
        entry = folder.entries.pop(name)
        entry.links -= 1
        freed = NODE_BYTES + len(name)
        if entry.links == 0 and isinstance(entry, File):
            # Descriptors that are still open see an empty file; nothing is held for them.
            freed += len(entry.content)
            entry.content = bytearray()
        elif isinstance(entry, Link):
            freed += len(entry.target)
        self._give_back(freed)
        folder.modified = folder.changed = self._now()

    def move(self, source: tuple[Folder, bytes], target: tuple[Folder, bytes]) -> None:
        """Give an entry another name, which is free."""
        folder, name = target
        self._check_name(folder, name)
        self._take(len(name))
        entry = source[0].entries.pop(source[1])
        self._give_back(len(source[1]))
        folder.entries[name] = entry
        if isinstance(entry, Folder):
            entry.parent = folder
        for changed in (source[0], folder):
            changed.modified = changed.changed = self._now()

    def write(self, file: File, at: int, content: bytes) -> None:
        """Put bytes into a file, with zeroes in front when it ends before."""
        self.resize(file, max(len(file.content), at + len(content)))
        assert isinstance(file.content, bytearray)
        file.content[at : at + len(content)] = content

    def resize(self, file: File, size: int) -> None:
        """Cut a file, or fill it up with zeroes. Raises WasiError(NOSPC)."""
        assert isinstance(file.content, bytearray)
        grown = size - len(file.content)
        if file.links == 0 and grown > 0:
            # Its names are gone and its bytes are counted no more.
            self._on_full()
            raise WasiError(Errno.NOSPC)
        if grown > 0:
            self._take(grown)
            file.content.extend(bytes(grown))
        elif grown < 0:
            del file.content[size:]
            self._give_back(-grown)
        file.modified = file.changed = self._now()

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
        if len(name) > _NAME_BYTES_MAX:
            raise WasiError(Errno.NAMETOOLONG)

    def _take(self, more: int) -> None:
        if self._bytes + more > self._bytes_max:
            self._on_full()
            raise WasiError(Errno.NOSPC)
        self._bytes += more
        self.bytes_peak = max(self.bytes_peak, self._bytes)

    def _give_back(self, less: int) -> None:
        self._bytes -= less
