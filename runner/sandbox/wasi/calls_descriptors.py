"""Functions on open descriptors: reading, writing, seeking, and what is known of them."""

from runner.sandbox.wasi.abi import (
    DIRENT,
    FDFLAGS_KNOWN,
    FDSTAT,
    FILESTAT,
    IOVEC,
    PRESTAT,
    RIGHTS_BELOW_DIRECTORY,
    RIGHTS_DIRECTORY,
    RIGHTS_FILE,
    RIGHTS_STREAM,
    RIGHTS_WRITING,
    WHENCE_CURRENT,
    WHENCE_END,
    WHENCE_SET,
    Errno,
    FdFlags,
    FileType,
    FstFlags,
    Rights,
    WasiError,
)
from runner.sandbox.wasi.files import Entry, File, Folder, Node
from runner.sandbox.wasi.guest import Calls, Guest
from runner.sandbox.wasi.streams import ErrorStream, InputStream, OutputStream
from runner.sandbox.wasi.world import OpenFile, OpenFolder

# One call moves at most this much (a short read or write is legal), so that the alarm gets its
# turn and no call needs much memory of ours.
_CALL_BYTES_MAX = 8 * 1024 * 1024
_LOG_CALL_BYTES_MAX = 64 * 1024
_VECTORS_MAX = 1024
_OFFSET_MAX = 2**63 - 1
_ADVICE_MAX = 5


def fd_write(guest: Guest, fd: int, vectors: int, count: int, written: int) -> None:
    """Write what the vectors name, or the first part of it."""
    found = guest.world.descriptor(fd)
    if isinstance(found, OutputStream):
        piece = _gather(guest, vectors, count, _CALL_BYTES_MAX)
        found.write(piece)
    elif isinstance(found, ErrorStream):
        piece = _gather(guest, vectors, count, _LOG_CALL_BYTES_MAX)
        found.write(piece)
    else:
        file = _writable_file(guest, fd)
        piece = _gather(guest, vectors, count, _CALL_BYTES_MAX)
        if file.flags & FdFlags.APPEND:
            file.at = len(file.file.content)
        _write_at(guest, file, file.at, piece)
        file.at += len(piece)
    guest.memory.write_u32(written, len(piece))


def fd_pwrite(guest: Guest, fd: int, vectors: int, count: int, offset: int, written: int) -> None:
    """Write at an offset and leave the descriptor's own where it is."""
    file = _writable_file(guest, fd)
    piece = _gather(guest, vectors, count, _CALL_BYTES_MAX)
    at = len(file.file.content) if file.flags & FdFlags.APPEND else offset
    _write_at(guest, file, at, piece)
    guest.memory.write_u32(written, len(piece))


def fd_read(guest: Guest, fd: int, vectors: int, count: int, read: int) -> None:
    """Read into the vectors; 0 bytes at the end."""
    found = guest.world.descriptor(fd)
    places, wanted = _places(guest, vectors, count)
    if isinstance(found, InputStream):
        piece = found.read(wanted)
    else:
        file = _readable_file(guest, fd)
        piece = _read_at(guest, file, file.at, wanted)
        file.at += len(piece)
    _scatter(guest, places, piece)
    guest.memory.write_u32(read, len(piece))


def fd_pread(guest: Guest, fd: int, vectors: int, count: int, offset: int, read: int) -> None:
    """Read at an offset and leave the descriptor's own where it is."""
    file = _readable_file(guest, fd)
    places, wanted = _places(guest, vectors, count)
    piece = _read_at(guest, file, offset, wanted)
    _scatter(guest, places, piece)
    guest.memory.write_u32(read, len(piece))


def fd_seek(guest: Guest, fd: int, offset: int, whence: int, position: int) -> None:
    """Move the descriptor's offset, and say where it is."""
    file = _any_file(guest, fd)
    starts = {WHENCE_SET: 0, WHENCE_CURRENT: file.at, WHENCE_END: len(file.file.content)}
    if whence not in starts:
        raise WasiError(Errno.INVAL)
    at = starts[whence] + offset
    if not 0 <= at <= _OFFSET_MAX:
        raise WasiError(Errno.INVAL)
    file.at = at
    guest.memory.write_u64(position, at)


def fd_tell(guest: Guest, fd: int, position: int) -> None:
    """Where the descriptor's offset is."""
    guest.memory.write_u64(position, _any_file(guest, fd).at)


def fd_close(guest: Guest, fd: int) -> None:
    """Give the number back."""
    guest.world.close(fd)


def fd_renumber(guest: Guest, source: int, target: int) -> None:
    """Move a descriptor onto another number, which must be open and is closed."""
    found = guest.world.descriptor(source)
    guest.world.descriptor(target)
    if source != target:
        guest.world.close(target)
        guest.world.descriptors[target] = found
        del guest.world.descriptors[source]


def fd_fdstat_get(guest: Guest, fd: int, result: int) -> None:
    """What kind of descriptor it is, and what it may do."""
    found = guest.world.descriptor(fd)
    stat: tuple[int, int, int, int]
    if isinstance(found, OpenFolder):
        stat = (FileType.DIRECTORY, 0, RIGHTS_DIRECTORY, RIGHTS_BELOW_DIRECTORY)
    elif isinstance(found, OpenFile):
        stat = (FileType.REGULAR_FILE, found.flags, _rights_of(found), 0)
    else:
        # Not a character device: libraries would take that for a terminal and flush every line.
        way = Rights.FD_READ if isinstance(found, InputStream) else Rights.FD_WRITE
        stat = (FileType.UNKNOWN, 0, RIGHTS_STREAM | way, 0)
    guest.memory.pack(FDSTAT, result, *stat)


def fd_fdstat_set_flags(guest: Guest, fd: int, flags: int) -> None:
    """Set how a file is written; only appending means anything here."""
    check_flags(flags)
    found = guest.world.descriptor(fd)
    if isinstance(found, OpenFolder):
        raise WasiError(Errno.BADF)
    if isinstance(found, OpenFile):
        found.flags = flags


def fd_fdstat_set_rights(guest: Guest, fd: int, _base: int, _inheriting: int) -> None:
    """Rights are what a file was opened with."""
    guest.world.descriptor(fd)
    raise WasiError(Errno.NOTSUP)


def fd_filestat_get(guest: Guest, fd: int, result: int) -> None:
    """Size, kind and times of what is open."""
    found = guest.world.descriptor(fd)
    if isinstance(found, OpenFolder):
        write_filestat(guest, result, found.folder)
    elif isinstance(found, OpenFile):
        write_filestat(guest, result, found.file)
    else:
        guest.memory.pack(FILESTAT, result, 0, fd, FileType.UNKNOWN, 1, 0, 0, 0, 0)


def fd_filestat_set_size(guest: Guest, fd: int, size: int) -> None:
    """Cut a file, or fill it up with zeroes."""
    file = _writable_file(guest, fd)
    if size > _OFFSET_MAX:
        raise WasiError(Errno.INVAL)
    guest.world.writable(file.file).resize(file.file, size)


def fd_filestat_set_times(guest: Guest, fd: int, accessed: int, modified: int, flags: int) -> None:
    """Set the times of what is open."""
    found = guest.world.descriptor(fd)
    if isinstance(found, OpenFolder):
        set_times(guest, found.folder, accessed, modified, flags)
    else:
        set_times(guest, _any_file(guest, fd).file, accessed, modified, flags)


def fd_allocate(guest: Guest, fd: int, offset: int, length: int) -> None:
    """Make sure that a file is at least so long."""
    file = _writable_file(guest, fd)
    if length == 0 or offset + length > _OFFSET_MAX:
        raise WasiError(Errno.INVAL)
    if offset + length > len(file.file.content):
        guest.world.writable(file.file).resize(file.file, offset + length)


def fd_advise(guest: Guest, fd: int, offset: int, length: int, advice: int) -> None:
    """Heard and not needed."""
    _any_file(guest, fd)
    if advice > _ADVICE_MAX or offset + length > _OFFSET_MAX:
        raise WasiError(Errno.INVAL)


def fd_sync(guest: Guest, fd: int) -> None:
    """Files in memory are always in step."""
    if isinstance(guest.world.descriptor(fd), InputStream | OutputStream | ErrorStream):
        raise WasiError(Errno.INVAL)


def fd_prestat_get(guest: Guest, fd: int, result: int) -> None:
    """Whether this folder was there from the start, and how long its name is."""
    guest.memory.pack(PRESTAT, result, 0, len(_preopen(guest, fd)))


def fd_prestat_dir_name(guest: Guest, fd: int, path: int, length: int) -> None:
    """The name of a folder that was there from the start."""
    name = _preopen(guest, fd)
    if length < len(name):
        raise WasiError(Errno.NAMETOOLONG)
    guest.memory.write(path, name)


def fd_readdir(guest: Guest, fd: int, buffer: int, length: int, cookie: int, used: int) -> None:
    """Entries of a folder from a cookie on; the last one may be cut at the buffer's end.

    A cookie is a place in the names as they were when the reading began: a guest that removes what
    it has read misses nothing, and a call costs what it answers.
    """
    opened = guest.world.folder(fd)
    guest.memory.check(buffer, length)
    if cookie == 0 or opened.names is None:
        opened.names = [b".", b"..", *opened.folder.entries]
    listing = bytearray()
    for position in range(cookie, len(opened.names)):
        if len(listing) >= length:
            break
        name = opened.names[position]
        entry = _entry_named(opened.folder, name)
        if entry is not None:
            listing += DIRENT.pack(position + 1, entry.inode, len(name), entry.kind) + name
    if len(listing) < length:
        opened.names = None
    guest.memory.write(buffer, listing[:length])
    guest.memory.write_u32(used, min(len(listing), length))


def write_filestat(guest: Guest, result: int, entry: Entry) -> None:
    """The structure that describes a file, folder or link."""
    size = len(entry.content) if isinstance(entry, File) else 0
    guest.memory.pack(
        FILESTAT,
        result,
        *(entry.device, entry.inode, entry.kind, entry.links, size),
        *(entry.accessed, entry.modified, entry.changed),
    )


def set_times(guest: Guest, node: Node, accessed: int, modified: int, flags: int) -> None:
    """Set a node's times as the flags say. Raises WasiError: INVAL, ROFS."""
    both_ways = (FstFlags.ATIM | FstFlags.ATIM_NOW, FstFlags.MTIM | FstFlags.MTIM_NOW)
    if any(flags & both == both for both in both_ways):
        raise WasiError(Errno.INVAL)
    guest.world.writable(node)
    now = guest.world.clock.realtime()
    if flags & both_ways[0]:
        node.accessed = now if flags & FstFlags.ATIM_NOW else accessed
    if flags & both_ways[1]:
        node.modified = now if flags & FstFlags.MTIM_NOW else modified
    node.changed = now


def check_flags(flags: int) -> None:
    """Raise WasiError(INVAL) for flags that the standard does not know."""
    if flags & ~FDFLAGS_KNOWN:
        raise WasiError(Errno.INVAL)


def _entry_named(folder: Folder, name: bytes) -> Entry | None:
    if name == b".":
        return folder
    if name == b"..":
        return folder.parent or folder
    return folder.entries.get(name)


def _rights_of(file: OpenFile) -> int:
    rights = RIGHTS_FILE
    if not file.readable:
        rights &= ~Rights.FD_READ
    if not file.writable:
        rights &= ~RIGHTS_WRITING
    return rights


def _preopen(guest: Guest, fd: int) -> bytes:
    found = guest.world.descriptor(fd)
    if not isinstance(found, OpenFolder) or found.preopen is None:
        raise WasiError(Errno.BADF)
    return found.preopen


def _any_file(guest: Guest, fd: int) -> OpenFile:
    found = guest.world.descriptor(fd)
    if isinstance(found, OpenFolder):
        raise WasiError(Errno.BADF)
    if not isinstance(found, OpenFile):
        raise WasiError(Errno.SPIPE)
    return found


def _readable_file(guest: Guest, fd: int) -> OpenFile:
    found = guest.world.descriptor(fd)
    if isinstance(found, OutputStream | ErrorStream):
        raise WasiError(Errno.BADF)
    file = _any_file(guest, fd)
    if not file.readable:
        raise WasiError(Errno.BADF)
    return file


def _writable_file(guest: Guest, fd: int) -> OpenFile:
    found = guest.world.descriptor(fd)
    if isinstance(found, InputStream):
        raise WasiError(Errno.BADF)
    file = _any_file(guest, fd)
    if not file.writable:
        raise WasiError(Errno.BADF)
    return file


def _vectors(guest: Guest, vectors: int, count: int) -> list[tuple[int, int]]:
    if count > _VECTORS_MAX:
        raise WasiError(Errno.INVAL)
    if count == 1:
        return [IOVEC.unpack(guest.memory.read(vectors, IOVEC.size))]
    return list(IOVEC.iter_unpack(guest.memory.read(vectors, IOVEC.size * count)))


def _places(guest: Guest, vectors: int, count: int) -> tuple[list[tuple[int, int]], int]:
    """Where to read to, and how much: checked before anything is read."""
    places = _vectors(guest, vectors, count)
    for address, length in places:
        guest.memory.check(address, length)
    return places, min(sum(length for _, length in places), _CALL_BYTES_MAX)


def _gather(guest: Guest, vectors: int, count: int, bytes_max: int) -> bytes:
    places = _vectors(guest, vectors, count)
    if len(places) == 1:
        address, length = places[0]
        return guest.memory.read(address, min(length, bytes_max))
    pieces, room = [], bytes_max
    for address, length in places:
        pieces.append(guest.memory.read(address, min(length, room)))
        room -= len(pieces[-1])
    return b"".join(pieces)


def _scatter(guest: Guest, places: list[tuple[int, int]], piece: bytes) -> None:
    at = 0
    for address, length in places:
        guest.memory.write(address, piece[at : at + length])
        at += length


def _read_at(guest: Guest, file: OpenFile, at: int, wanted: int) -> bytes:
    if at > _OFFSET_MAX:
        raise WasiError(Errno.INVAL)
    piece = bytes(memoryview(file.file.content)[at : at + wanted])
    if not file.file.read_only:
        file.file.accessed = guest.world.clock.realtime()
    return piece


def _write_at(guest: Guest, file: OpenFile, at: int, piece: bytes) -> None:
    if at + len(piece) > _OFFSET_MAX:
        raise WasiError(Errno.FBIG)
    guest.world.writable(file.file).write(file.file, at, piece)


CALLS: Calls = {
    "fd_advise": ("iIIi", fd_advise),
    "fd_allocate": ("iII", fd_allocate),
    "fd_close": ("i", fd_close),
    "fd_datasync": ("i", fd_sync),
    "fd_fdstat_get": ("ii", fd_fdstat_get),
    "fd_fdstat_set_flags": ("ii", fd_fdstat_set_flags),
    "fd_fdstat_set_rights": ("iII", fd_fdstat_set_rights),
    "fd_filestat_get": ("ii", fd_filestat_get),
    "fd_filestat_set_size": ("iI", fd_filestat_set_size),
    "fd_filestat_set_times": ("iIIi", fd_filestat_set_times),
    "fd_pread": ("iiiIi", fd_pread),
    "fd_prestat_dir_name": ("iii", fd_prestat_dir_name),
    "fd_prestat_get": ("ii", fd_prestat_get),
    "fd_pwrite": ("iiiIi", fd_pwrite),
    "fd_read": ("iiii", fd_read),
    "fd_readdir": ("iiiIi", fd_readdir),
    "fd_renumber": ("ii", fd_renumber),
    "fd_seek": ("iSii", fd_seek),
    "fd_sync": ("i", fd_sync),
    "fd_tell": ("ii", fd_tell),
    "fd_write": ("iiii", fd_write),
}
