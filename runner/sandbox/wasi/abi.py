"""The numbers and layouts of WASI preview 1 (`wasi_snapshot_preview1.witx`)."""

import struct
from enum import IntEnum, IntFlag
from typing import Any

MODULE = "wasi_snapshot_preview1"


class Errno(IntEnum):
    """What a function answers; the names are the standard's."""

    SUCCESS = 0
    TOOBIG = 1
    ACCES = 2
    BADF = 8
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


class FdFlags(IntFlag):
    """Flags of an open descriptor."""

    APPEND = 1
    DSYNC = 2
    NONBLOCK = 4
    RSYNC = 8
    SYNC = 16


class OFlags(IntFlag):
    """How `path_open` opens."""

    CREAT = 1
    DIRECTORY = 2
    EXCL = 4
    TRUNC = 8


class FstFlags(IntFlag):
    """Which times `*_set_times` sets, and to what."""

    ATIM = 1
    ATIM_NOW = 2
    MTIM = 4
    MTIM_NOW = 8


class Rights(IntFlag):
    """The rights that decide how a file is opened; the others are reported and not asked for."""

    FD_READ = 1 << 1
    FD_WRITE = 1 << 6
    FD_ALLOCATE = 1 << 8
    FD_FILESTAT_SET_SIZE = 1 << 22


RIGHTS_ALL = (1 << 30) - 1
RIGHTS_DIRECTORY = RIGHTS_ALL & ~(Rights.FD_READ | Rights.FD_WRITE | (1 << 2) | (1 << 5))
RIGHTS_STREAM = Rights.FD_READ | Rights.FD_WRITE | (1 << 3) | (1 << 21) | (1 << 27)

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
