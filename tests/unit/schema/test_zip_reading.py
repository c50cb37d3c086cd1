"""Goal: an archive of a stranger costs what it may, and no more. Method: hostile archives."""

import io
import stat
import struct
import zipfile

import pytest

from schema.packaging.zip_reading import (
    ZipLimits,
    ZipRefusedError,
    ZipTooLargeError,
    files_of_zip,
)

LIMITS = ZipLimits(entries_max=10, bytes_max=1000)


def a_zip(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return packed.getvalue()


def read(archive: bytes, limits: ZipLimits = LIMITS) -> dict[str, bytes]:
    return dict(files_of_zip(archive, limits))


def test_files_come_in_order_and_folders_are_passed_over() -> None:
    assert read(a_zip(("a/", b""), ("a/b.txt", b"1"), ("c", b"2"))) == {"a/b.txt": b"1", "c": b"2"}


def test_a_bomb_is_stopped_at_the_limit_of_all_files_together() -> None:
    with pytest.raises(ZipTooLargeError):
        read(a_zip(("a", bytes(600)), ("b", bytes(600))))
    assert len(read(a_zip(("a", bytes(500)), ("b", bytes(500))))) == 2


def test_a_size_that_is_not_true_does_not_help() -> None:
    archive = bytearray(a_zip(("bomb", bytes(10_000_000))))
    directory = archive.index(b"PK\x01\x02")
    struct.pack_into("<L", archive, directory + 24, 10)
    with pytest.raises(ZipRefusedError):
        read(bytes(archive))


def test_too_many_entries_are_refused() -> None:
    with pytest.raises(ZipTooLargeError):
        read(a_zip(*((str(number), b"") for number in range(11))))


def test_a_table_of_contents_that_is_too_large_is_refused_before_it_is_parsed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive = a_zip(*((str(number), b"") for number in range(400)))

    def parsed(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(zipfile.ZipFile, "__init__", parsed)
    with pytest.raises(ZipTooLargeError):
        read(archive)


@pytest.mark.parametrize(
    "archive",
    [b"", b"no archive", a_zip(("a", b"x" * 100))[:-30], a_zip(("a", b"1"))[:-1]],
    ids=["empty", "text", "cut", "one byte short"],
)
def test_what_is_no_archive_is_refused(archive: bytes) -> None:
    with pytest.raises(ZipRefusedError):
        read(archive)


def test_damage_is_noticed() -> None:
    archive = bytearray(a_zip(("a", b"some content of some length")))
    archive[35] ^= 0xFF
    with pytest.raises(ZipRefusedError):
        read(bytes(archive))


def test_links_are_refused() -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(ZipRefusedError, match="no file"):
        read(a_zip((link, b"/etc/passwd")))


def test_encrypted_archives_are_refused() -> None:
    archive = bytearray(a_zip(("a", b"1")))
    directory = archive.index(b"PK\x01\x02")
    struct.pack_into("<H", archive, directory + 8, 1)
    with pytest.raises(ZipRefusedError, match="encrypted"):
        read(bytes(archive))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ZipRefusedError, match="twice"):
        read(a_zip(("a", b"1"), ("a", b"2")))


def test_other_kinds_of_compression_are_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"1")
    with pytest.raises(ZipRefusedError, match="compressed"):
        read(packed.getvalue())


def test_zip64_is_refused() -> None:
    archive = a_zip(("a", b"1"))
    end = archive.rindex(b"PK\x05\x06")
    locator = b"PK\x06\x07" + bytes(16)
    with pytest.raises(ZipRefusedError, match="ZIP64"):
        read(archive[:end] + locator + archive[end:])


def test_a_name_that_is_no_utf8_is_refused() -> None:
    archive = a_zip(("é.txt", b"1"))
    with pytest.raises(ZipRefusedError):
        read(archive.replace("é".encode(), b"\xff\xfe"))


def test_a_file_that_lies_before_the_archive_begins_is_refused() -> None:
    archive = bytearray(a_zip(("a.txt", b"1")))
    end = archive.index(b"PK\x05\x06")
    (at,) = struct.unpack_from("<L", archive, end + 16)
    struct.pack_into("<L", archive, end + 16, at + 100)
    with pytest.raises(ZipRefusedError):
        read(bytes(archive))


def test_damage_anywhere_is_refused_or_harmless_but_never_another_error() -> None:
    archive = a_zip(("é.txt", b"hello" * 20))
    refused = 0
    for place in range(len(archive)):
        for byte in (0x00, 0x80, 0xFF):
            damaged = archive[:place] + bytes([byte]) + archive[place + 1 :]
            try:
                read(damaged)
            except ZipRefusedError:
                refused += 1
    assert refused > len(archive)
