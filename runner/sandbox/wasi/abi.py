"""The numbers and layouts of WASI preview 1 (`wasi_snapshot_preview1.witx`)."""

import struct
from enum import IntEnum
from typing import Any

MODULE = "wasi_snapshot_preview1"


class Errno(IntEnum):
    """What a function answers; the names are the standard's."""

    SUCCESS = 0
    TOOBIG = 1
    ACCES = 2
    BADF = 8
    BUSY = 10
    DQUOT = 19
    EXIST = 20
    FAULT = 21
    FBIG = 22
    HOSTUNREACH = 23
    ILSEQ = 25
    INVAL = 28
    IO = 29
    ISDIR = 31
    LOOP = 32
    MFILE = 33
    NAMETOOLONG = 37
    NOENT = 44
    NOSPC = 51
    NOTDIR = 54
    NOTEMPTY = 55
    NOTSOCK = 57
    NOTSUP = 58
    OVERFLOW = 61
    PERM = 63
    PIPE = 64
    ROFS = 69
    SPIPE = 70
    TIMEDOUT = 73
    XDEV = 75


class FileType(IntEnum):
    """Kinds of files."""

    UNKNOWN = 0
    DIRECTORY = 3
    REGULAR_FILE = 4
    SYMBOLIC_LINK = 7


class FdFlags(IntEnum):
    """Flags of an open descriptor."""

    APPEND = 1
    DSYNC = 2
    NONBLOCK = 4
    RSYNC = 8
    SYNC = 16


class OFlags(IntEnum):
    """How `path_open` opens."""

    CREAT = 1
    DIRECTORY = 2
    EXCL = 4
    TRUNC = 8


class FstFlags(IntEnum):
    """Which times `*_set_times` sets, and to what."""

    ATIM = 1
    ATIM_NOW = 2
    MTIM = 4
    MTIM_NOW = 8


class Rights(IntEnum):
    """What a descriptor may do. Four decide how a file is opened; the others are only reported."""

    FD_DATASYNC = 1 << 0
    FD_READ = 1 << 1
    FD_SEEK = 1 << 2
    FD_FDSTAT_SET_FLAGS = 1 << 3
    FD_SYNC = 1 << 4
    FD_TELL = 1 << 5
    FD_WRITE = 1 << 6
    FD_ADVISE = 1 << 7
    FD_ALLOCATE = 1 << 8
    PATH_CREATE_DIRECTORY = 1 << 9
    PATH_CREATE_FILE = 1 << 10
    PATH_LINK_SOURCE = 1 << 11
    PATH_LINK_TARGET = 1 << 12
    PATH_OPEN = 1 << 13
    FD_READDIR = 1 << 14
    PATH_READLINK = 1 << 15
    PATH_RENAME_SOURCE = 1 << 16
    PATH_RENAME_TARGET = 1 << 17
    PATH_FILESTAT_GET = 1 << 18
    PATH_FILESTAT_SET_TIMES = 1 << 20
    FD_FILESTAT_GET = 1 << 21
    FD_FILESTAT_SET_SIZE = 1 << 22
    FD_FILESTAT_SET_TIMES = 1 << 23
    PATH_SYMLINK = 1 << 24
    PATH_REMOVE_DIRECTORY = 1 << 25
    PATH_UNLINK_FILE = 1 << 26
    POLL_FD_READWRITE = 1 << 27


_RIGHTS_OF_BOTH = Rights.FD_FILESTAT_GET | Rights.FD_FILESTAT_SET_TIMES
RIGHTS_STREAM = Rights.FD_FDSTAT_SET_FLAGS | Rights.FD_FILESTAT_GET | Rights.POLL_FD_READWRITE
RIGHTS_WRITING = Rights.FD_WRITE | Rights.FD_ALLOCATE | Rights.FD_FILESTAT_SET_SIZE
RIGHTS_FILE = (
    _RIGHTS_OF_BOTH
    | RIGHTS_STREAM
    | RIGHTS_WRITING
    | Rights.FD_READ
    | Rights.FD_SEEK
    | Rights.FD_TELL
    | Rights.FD_ADVISE
    | Rights.FD_SYNC
    | Rights.FD_DATASYNC
)
# Libraries open folders and files with the rights that they find here, so these must fit what
# `path_open` takes: a folder that claimed the right to be resized could not be opened with it.
RIGHTS_DIRECTORY = (
    _RIGHTS_OF_BOTH
    | Rights.FD_READDIR
    | Rights.PATH_CREATE_DIRECTORY
    | Rights.PATH_CREATE_FILE
    | Rights.PATH_LINK_SOURCE
    | Rights.PATH_LINK_TARGET
    | Rights.PATH_OPEN
    | Rights.PATH_READLINK
    | Rights.PATH_RENAME_SOURCE
    | Rights.PATH_RENAME_TARGET
    | Rights.PATH_FILESTAT_GET
    | Rights.PATH_FILESTAT_SET_TIMES
    | Rights.PATH_SYMLINK
    | Rights.PATH_REMOVE_DIRECTORY
    | Rights.PATH_UNLINK_FILE
)
RIGHTS_BELOW_DIRECTORY = RIGHTS_DIRECTORY | RIGHTS_FILE

FDFLAGS_KNOWN = 0b11111
LOOKUP_SYMLINK_FOLLOW = 1

CLOCK_REALTIME, CLOCK_MONOTONIC = 0, 1
EVENT_CLOCK, EVENT_FD_READ, EVENT_FD_WRITE = 0, 1, 2
SUBSCRIPTION_CLOCK_ABSTIME = 1
WHENCE_SET, WHENCE_CURRENT, WHENCE_END = 0, 1, 2

IOVEC = struct.Struct("<II")
U32 = struct.Struct("<I")
U64 = struct.Struct("<Q")
FDSTAT = struct.Struct("<BxHxxxxQQ")
FILESTAT = struct.Struct("<QQB7xQQQQQ")
PRESTAT = struct.Struct("<B3xI")
DIRENT = struct.Struct("<QQIB3x")
SUBSCRIPTION = struct.Struct("<QB7xI4xQQH6x")
EVENT = struct.Struct("<QHB5xQH6x")
SIZES = struct.Struct("<I")

U64_MAX = 2**64 - 1


class WasiError(Exception):
    """A call is answered with an error number, and the guest goes on.

    Args:
        errno: what the guest gets.
    """

    def __init__(self, errno: Errno) -> None:
        super().__init__(errno.name)
        self.errno = errno


class GuestEnd(Exception):  # noqa: N818 - no error: a guest may exit with 0
    """The guest ends here, inside a call.

    Args:
        code: of the catalogue, or None for a success.
        details: members that explain the code.
    """

    def __init__(self, code: str | None, details: dict[str, Any] | None = None) -> None:
        super().__init__(code or "exit 0")
        self.code = code
        self.details = details or {}


class GuestInterrupted(GuestEnd):
    """The alarm rang while the guest waited in a call; what for is the alarm's to say."""

    def __init__(self) -> None:
        super().__init__(None)
