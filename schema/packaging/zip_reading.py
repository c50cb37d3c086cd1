"""ZIP archives of strangers: bounded before they are parsed, plain when they are.

GitHub's artifacts and logs are such archives. Only what its own tools write is taken: stored or
deflated files, one disk, no ZIP64, since everything here is far below 4 GiB.
"""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

_END = b"PK\x05\x06"
_END_BYTES = 22
_COMMENT_BYTES_MAX = 65_535
_ZIP64_LOCATOR = b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES = 20
_DIRECTORY_SIZE_AT = 12
_ENCRYPTED = 0x1
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_CHUNK_BYTES = 64 * 1024
# A name and what belongs to it; `zipfile` makes objects of all of it before anybody can count.
_DIRECTORY_BYTES_PER_ENTRY_MAX = 1024
# What `zipfile` raises at a broken archive: names that are no UTF-8 and places before its beginning
# are a ValueError, an empty name is an IndexError.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    struct.error,
    ValueError,
    IndexError,
)


class ZipRefusedError(ValueError):
    """The archive is not one that is read here; the text says why, after "the archive"."""


class ZipTooLargeError(ZipRefusedError):
    """What is in the archive is more than there may be."""


@dataclass(frozen=True)
class ZipLimits:
    """How much an archive may hold."""

    entries_max: int
    bytes_max: int
    """Of all files together, unpacked."""


def files_of_zip(archive: bytes, limits: ZipLimits) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file, one at a time; folders are passed over.

    Raises:
        ZipTooLargeError: more than the limits allow, whatever the archive says of itself.
        ZipRefusedError: broken, encrypted, a link, a name twice …
    """
    _check_directory_size(archive, limits)
    left = limits.bytes_max
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            for entry in _plain_entries(opened, limits):
                content = _content(opened, entry, left)
                left -= len(content)
                yield entry.filename, content
    except ZipRefusedError:
        raise
    except _BROKEN as error:
        raise ZipRefusedError("is broken") from error


def _check_directory_size(archive: bytes, limits: ZipLimits) -> None:
    """Bound the table of contents before it is parsed: `zipfile` reads all of it at once."""
    end = len(archive) - _END_BYTES
    if end < 0 or archive[end : end + 4] != _END:
        end = archive.rfind(_END, max(0, len(archive) - _COMMENT_BYTES_MAX - _END_BYTES))
    if end < 0 or end + _END_BYTES > len(archive):
        raise ZipRefusedError("is no ZIP archive")
    locator = archive[max(0, end - _ZIP64_LOCATOR_BYTES) : end]
    if locator.startswith(_ZIP64_LOCATOR):
        raise ZipRefusedError("is in ZIP64, which nothing so small needs")
    (size,) = struct.unpack_from("<L", archive, end + _DIRECTORY_SIZE_AT)
    if size > limits.entries_max * _DIRECTORY_BYTES_PER_ENTRY_MAX:
        raise ZipTooLargeError(f"has more than {limits.entries_max} entries")


def _plain_entries(opened: zipfile.ZipFile, limits: ZipLimits) -> list[zipfile.ZipInfo]:
    entries = opened.infolist()
    if len(entries) > limits.entries_max:
        raise ZipTooLargeError(f"has more than {limits.entries_max} entries")
    if len({entry.filename for entry in entries}) != len(entries):
        raise ZipRefusedError("has a name twice")
    for entry in entries:
        if entry.flag_bits & _ENCRYPTED:
            raise ZipRefusedError("is encrypted")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ZipRefusedError("has an entry that is no file")
        if entry.compress_type not in _METHODS:
            raise ZipRefusedError("is compressed in a way that is not read here")
    return [entry for entry in entries if not entry.is_dir()]


def _content(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, bytes_max: int) -> bytes:
    """The file, read as far as its limit: what it says of its size proves nothing."""
    if entry.file_size > bytes_max:
        raise ZipTooLargeError("unpacks to more than it may")
    content = bytearray()
    with opened.open(entry) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            content += chunk
            if len(content) > bytes_max:
                raise ZipTooLargeError("unpacks to more than it may")
    return bytes(content)
