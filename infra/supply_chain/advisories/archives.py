"""OSV records out of archives and folders, one at a time, within bounds.

What is wrong with one entry is told of that entry; only a file that is no archive at all, or one
that is larger than anything OSV publishes, is refused whole. Names of entries are never paths.
"""

import hashlib
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from infra.supply_chain.advisories.records import RECORD_BYTES_MAX

ARCHIVE_BYTES_MAX = 2 * 1024**3
RECORDS_MAX = 2_000_000
UNPACKED_BYTES_MAX = 32 * 1024**3
_DIRECTORY_BYTES_MAX = 512 * 1024**2

# APPNOTE.TXT 4.3.14 to 4.3.16: the ends of the central directory, with and without zip64.
_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_COMMENT_BYTES_MAX = 0xFFFF


class AdvisorySourceError(Exception):
    """A source cannot be read at all. The message says why, for an operator."""


@dataclass(frozen=True)
class Entry:
    """One file of a source: what it holds, or why it cannot be read."""

    name: str
    content: bytes = b""
    cause: str | None = None


@dataclass(frozen=True)
class Source:
    """Records that belong together: one ecosystem's archive, or one folder."""

    name: str
    digest: str | None
    entries: Callable[[], Iterator[Entry]]


def local_sources(path: Path) -> list[Source]:
    """What is at a path: an archive, a folder of archives as in OSV's bucket, or one of records.

    Raises:
        AdvisorySourceError: nothing of that kind is there.
    """
    if path.is_dir():
        archives = sorted(path.glob("*/all.zip"))
        folders = [path] if not archives or any(path.glob("*.json")) else []
        folders += [
            folder
            for folder in sorted(path.iterdir())
            if archives and folder.is_dir() and not (folder / "all.zip").exists()
        ]
        return [*map(archive_source, archives), *map(_folder_source, folders)]
    if path.is_file():
        return [archive_source(path)]
    raise AdvisorySourceError(f"{path}: there is no such file or folder")


def archive_source(path: Path, name: str | None = None) -> Source:
    """An archive as a source, called after the folder that it is in, as in OSV's bucket.

    Raises:
        AdvisorySourceError: it cannot be read, or is too large.
    """
    try:
        if path.stat().st_size > ARCHIVE_BYTES_MAX:
            raise AdvisorySourceError(f"{path.name} is larger than {ARCHIVE_BYTES_MAX:,} bytes")
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AdvisorySourceError(f"{path.name}: {error.strerror}") from error
    own_name = path.resolve().parent.name if path.name == "all.zip" else path.stem
    return Source(name or own_name, f"sha256:{digest}", lambda: read_archive(path))


def _folder_source(folder: Path) -> Source:
    return Source(folder.resolve().name, None, lambda: read_folder(folder))


def read_folder(folder: Path) -> Iterator[Entry]:
    """Every JSON file below a folder, in order; links are not followed."""
    for number, path in enumerate(sorted(folder.rglob("*.json"))):
        if number >= RECORDS_MAX:
            raise AdvisorySourceError(f"{folder.name} has more than {RECORDS_MAX:,} records")
        name = str(path.relative_to(folder))
        if path.is_symlink() or not path.is_file():
            yield Entry(name, cause="not a plain file")
            continue
        try:
            with path.open("rb") as file:
                yield _bounded(name, file)
        except OSError as error:
            yield Entry(name, cause=str(error.strerror))


def read_archive(path: Path) -> Iterator[Entry]:
    """Every JSON entry of a zip archive, in its order.

    Raises:
        AdvisorySourceError: it is no archive, or has more in it than anything OSV publishes.
    """
    try:
        with path.open("rb") as file:
            _check_directory(file)
            with zipfile.ZipFile(file) as archive:
                yield from _entries(archive)
    except (zipfile.BadZipFile, OSError, struct.error, UnicodeError) as error:
        raise AdvisorySourceError(f"{path.name} is no zip archive: {error}") from error


def _entries(archive: zipfile.ZipFile) -> Iterator[Entry]:
    unpacked = 0
    for member in archive.infolist():
        if member.is_dir() or not member.filename.endswith(".json"):
            continue
        entry = _read_member(archive, member)
        unpacked += len(entry.content)
        if unpacked > UNPACKED_BYTES_MAX:
            raise AdvisorySourceError(f"more than {UNPACKED_BYTES_MAX:,} bytes when unpacked")
        yield entry


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Entry:
    # The header may say less than there is: what is read is bounded as well.
    if member.file_size > RECORD_BYTES_MAX:
        return _too_large(member.filename)
    try:
        with archive.open(member) as file:
            return _bounded(member.filename, file)
    # Broken, encrypted or oddly packed: zlib's, lzma's and zipfile's errors share no base.
    except Exception as error:  # noqa: BLE001
        return Entry(member.filename, cause=f"cannot be unpacked ({type(error).__name__})")


def _bounded(name: str, file: IO[bytes]) -> Entry:
    content = file.read(RECORD_BYTES_MAX + 1)
    return _too_large(name) if len(content) > RECORD_BYTES_MAX else Entry(name, content)


def _too_large(name: str) -> Entry:
    return Entry(name, cause=f"larger than {RECORD_BYTES_MAX:,} bytes")


def _check_directory(file: IO[bytes]) -> None:
    """Refuse a directory that would fill the memory, before zipfile reads it whole."""
    entries, size = _directory_of(file)
    if entries > RECORDS_MAX or size > _DIRECTORY_BYTES_MAX:
        raise AdvisorySourceError(f"the archive has {entries:,} entries: that is no OSV archive")


def _directory_of(file: IO[bytes]) -> tuple[int, int]:
    """(entries, bytes) of the central directory, as the end of the archive says."""
    length = file.seek(0, 2)
    start = max(0, length - _COMMENT_BYTES_MAX - _END.size)
    file.seek(start)
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0:
        raise zipfile.BadZipFile("it has no end of central directory")
    _, _, _, _, entries, size, _, _ = _END.unpack_from(tail, end)
    file.seek(max(0, start + end - _END64_LOCATOR.size))
    locator = file.read(_END64_LOCATOR.size)
    if locator.startswith(b"PK\x06\x07"):
        file.seek(_END64_LOCATOR.unpack(locator)[2])
        _, _, _, _, _, _, _, entries, size, _ = _END64.unpack(file.read(_END64.size))
    file.seek(0)
    return entries, size
