"""Functions on paths, each relative to an open folder and never above it."""

from runner.sandbox.wasi.abi import (
    LOOKUP_SYMLINK_FOLLOW,
    RIGHTS_WRITING,
    Errno,
    OFlags,
    Rights,
    WasiError,
)
from runner.sandbox.wasi.calls_descriptors import check_flags, set_times, write_filestat
from runner.sandbox.wasi.files import Entry, File, Folder, Link
from runner.sandbox.wasi.guest import Calls, Guest
from runner.sandbox.wasi.paths import Place
from runner.sandbox.wasi.world import OpenFile, OpenFolder


def path_open(
    guest: Guest,
    fd: int,
    lookup: int,
    path: int,
    length: int,
    oflags: int,
    rights: int,
    _inheriting: int,
    flags: int,
    opened: int,
) -> None:
    """Open a file or folder, making the file first if that is asked for."""
    guest.memory.check(opened, 4)
    check_flags(flags)
    guest.world.check_room()
    # As everywhere, a link is no place for a file that must be new.
    follow = bool(lookup & LOOKUP_SYMLINK_FOLLOW) and not oflags & OFlags.EXCL
    place = _find(guest, fd, path, length, follow=follow)
    if oflags & OFlags.CREAT:
        place = _create(guest, place, oflags)
    entry = _there(place)
    if isinstance(entry, Folder):
        if rights & RIGHTS_WRITING or oflags & (OFlags.TRUNC | OFlags.CREAT):
            raise WasiError(Errno.ISDIR)
        number = guest.world.open(OpenFolder(entry))
    else:
        number = guest.world.open(_open_file(guest, entry, oflags, rights, flags))
    guest.memory.write_u32(opened, number)


def path_create_directory(guest: Guest, fd: int, path: int, length: int) -> None:
    """Make a folder."""
    place = _find_name(guest, fd, path, length)
    _free(place)
    guest.world.writable(place.folder).new_folder(place.folder, place.name)


def path_remove_directory(guest: Guest, fd: int, path: int, length: int) -> None:
    """Remove an empty folder."""
    place = _find_name(guest, fd, path, length)
    entry = _there(place)
    if not isinstance(entry, Folder):
        raise WasiError(Errno.NOTDIR)
    if not place.name:
        raise WasiError(Errno.INVAL)
    scratch = guest.world.writable(place.folder)
    if entry.entries:
        raise WasiError(Errno.NOTEMPTY)
    scratch.remove(place.folder, place.name)


def path_unlink_file(guest: Guest, fd: int, path: int, length: int) -> None:
    """Take away a file's name, or a link."""
    place = _find_name(guest, fd, path, length)
    entry = _there(place)
    if isinstance(entry, Folder):
        raise WasiError(Errno.ISDIR)
    if place.must_be_folder:
        raise WasiError(Errno.NOTDIR)
    guest.world.writable(place.folder).remove(place.folder, place.name)


def path_rename(
    guest: Guest,
    source_fd: int,
    source_path: int,
    source_length: int,
    target_fd: int,
    target_path: int,
    target_length: int,
) -> None:
    """Give an entry another name; what stood there goes, if it is of the same kind."""
    source = _find_name(guest, source_fd, source_path, source_length)
    target = _find_name(guest, target_fd, target_path, target_length)
    if not source.name or not target.name:
        raise WasiError(Errno.BUSY)
    entry = _there(source)
    tree = guest.world.writable(source.folder)
    if guest.world.writable(target.folder) is not tree:
        raise WasiError(Errno.XDEV)
    if not isinstance(entry, Folder) and target.must_be_folder:
        raise WasiError(Errno.NOTDIR)
    if entry is target.entry:
        return
    if isinstance(entry, Folder) and _is_within(target.folder, entry):
        raise WasiError(Errno.INVAL)
    tree.check_move(entry, target.folder, target.name)
    if target.entry is not None:
        _check_replaceable(entry, target.entry)
        tree.remove(target.folder, target.name)
    tree.move((source.folder, source.name), (target.folder, target.name))


def path_link(
    guest: Guest,
    source_fd: int,
    lookup: int,
    source_path: int,
    source_length: int,
    target_fd: int,
    target_path: int,
    target_length: int,
) -> None:
    """Give a file, or a link itself, a second name."""
    if lookup & LOOKUP_SYMLINK_FOLLOW:
        raise WasiError(Errno.INVAL)
    source = _find_name(guest, source_fd, source_path, source_length)
    target = _find_name(guest, target_fd, target_path, target_length)
    entry = _there(source)
    if target.must_be_folder:
        raise WasiError(_errno_of_slash(target))
    _free(target)
    if isinstance(entry, Folder):
        raise WasiError(Errno.PERM)
    scratch = guest.world.writable(target.folder)
    if entry.device is not target.folder.device:
        raise WasiError(Errno.XDEV)
    scratch.add_name(target.folder, target.name, entry)


def path_symlink(
    guest: Guest, old_path: int, old_length: int, fd: int, new_path: int, new_length: int
) -> None:
    """Make a symbolic link to a relative path."""
    content = guest.memory.text(old_path, old_length)
    place = _find_name(guest, fd, new_path, new_length)
    if not content:
        raise WasiError(Errno.NOENT)
    if content.startswith(b"/"):
        guest.world.finder.note_escape(content)
        raise WasiError(Errno.PERM)
    if place.must_be_folder:
        raise WasiError(_errno_of_slash(place))
    _free(place)
    guest.world.writable(place.folder).new_link(place.folder, place.name, content)


def path_readlink(
    guest: Guest, fd: int, path: int, length: int, buffer: int, buffer_length: int, used: int
) -> None:
    """Where a symbolic link leads, cut at the buffer's length."""
    entry = _there(_find(guest, fd, path, length))
    if not isinstance(entry, Link):
        raise WasiError(Errno.INVAL)
    content = entry.target[:buffer_length]
    guest.memory.write(buffer, content)
    guest.memory.write_u32(used, len(content))


def path_filestat_get(
    guest: Guest, fd: int, lookup: int, path: int, length: int, result: int
) -> None:
    """Size, kind and times of what is at a path."""
    follow = bool(lookup & LOOKUP_SYMLINK_FOLLOW)
    write_filestat(guest, result, _there(_find(guest, fd, path, length, follow=follow)))


def path_filestat_set_times(
    guest: Guest,
    fd: int,
    lookup: int,
    path: int,
    length: int,
    accessed: int,
    modified: int,
    flags: int,
) -> None:
    """Set the times of what is at a path."""
    follow = bool(lookup & LOOKUP_SYMLINK_FOLLOW)
    entry = _there(_find(guest, fd, path, length, follow=follow))
    set_times(guest, entry, accessed, modified, flags)


def _find(guest: Guest, fd: int, path: int, length: int, *, follow: bool = False) -> Place:
    folder = guest.world.folder(fd).folder
    return guest.world.finder.find(folder, guest.memory.text(path, length), follow=follow)


def _find_name(guest: Guest, fd: int, path: int, length: int) -> Place:
    """The place whose name is to be made or taken away: a link there is meant itself."""
    folder, text = guest.world.folder(fd).folder, guest.memory.text(path, length)
    return guest.world.finder.find(folder, text, follow=False, slash_follows=False)


def _there(place: Place) -> Entry:
    """What is at the place. Raises WasiError: NOENT, NOTDIR."""
    if place.entry is None:
        raise WasiError(Errno.NOENT)
    if place.must_be_folder and not isinstance(place.entry, Folder):
        raise WasiError(Errno.NOTDIR)
    return place.entry


def _errno_of_slash(place: Place) -> Errno:
    """Why a name that ends with a slash cannot become a file's."""
    match place.entry:
        case None:
            return Errno.NOENT
        case Folder():
            return Errno.EXIST
        case _:
            return Errno.NOTDIR


def _free(place: Place) -> None:
    if place.entry is not None:
        raise WasiError(Errno.EXIST)


def _create(guest: Guest, place: Place, oflags: int) -> Place:
    """The place with a file in it."""
    if place.must_be_folder:
        raise WasiError(Errno.ISDIR)
    if place.entry is not None:
        if oflags & OFlags.EXCL:
            raise WasiError(Errno.EXIST)
        return place
    if oflags & OFlags.DIRECTORY:
        raise WasiError(Errno.INVAL)
    file = guest.world.writable(place.folder).new_file(place.folder, place.name)
    return Place(place.folder, place.name, file, must_be_folder=False)


def _open_file(guest: Guest, entry: Entry, oflags: int, rights: int, flags: int) -> OpenFile:
    if isinstance(entry, Link):
        raise WasiError(Errno.LOOP)
    assert isinstance(entry, File)
    if oflags & OFlags.DIRECTORY:
        raise WasiError(Errno.NOTDIR)
    writable = bool(rights & RIGHTS_WRITING) and _asks_to_write(entry, rights)
    if writable or oflags & OFlags.TRUNC:
        scratch = guest.world.writable(entry)
        if oflags & OFlags.TRUNC:
            scratch.resize(entry, 0)
    readable = bool(rights & Rights.FD_READ) or not writable
    return OpenFile(entry, readable=readable, writable=writable, flags=flags)


def _asks_to_write(file: File, rights: int) -> bool:
    """Some libraries ask for every right there is, just to read.

    On a read-only file that is taken for reading; asking for writing without reading is not.
    """
    return not (file.read_only and rights & Rights.FD_READ)


def _check_replaceable(entry: Entry, there: Entry) -> None:
    if isinstance(there, Folder):
        if not isinstance(entry, Folder):
            raise WasiError(Errno.ISDIR)
        if there.entries:
            raise WasiError(Errno.NOTEMPTY)
    elif isinstance(entry, Folder):
        raise WasiError(Errno.NOTDIR)


def _is_within(folder: Folder | None, ancestor: Folder) -> bool:
    while folder is not None:
        if folder is ancestor:
            return True
        folder = folder.parent
    return False


CALLS: Calls = {
    "path_create_directory": ("iii", path_create_directory),
    "path_filestat_get": ("iiiii", path_filestat_get),
    "path_filestat_set_times": ("iiiiIIi", path_filestat_set_times),
    "path_link": ("iiiiiii", path_link),
    "path_open": ("iiiiiIIii", path_open),
    "path_readlink": ("iiiiii", path_readlink),
    "path_remove_directory": ("iii", path_remove_directory),
    "path_rename": ("iiiiii", path_rename),
    "path_symlink": ("iiiii", path_symlink),
    "path_unlink_file": ("iii", path_unlink_file),
}
