"""Goal: what a run leaves arrives whole, and no other archive passes for one.

Method: every byte of a real archive is changed in turn, and another tool writes some of the kind.
"""

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.artifact_names import is_artifact_name
from schema.limits import ARTIFACTS_PER_CAST_MAX
from schema.packaging.artifact_archive import (
    archive_bytes_max,
    fits_archive,
    read_artifacts,
    write_artifacts,
)
from schema.packaging.tar_writing import write_tar

_names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,60}){0,3}",
                       fullmatch=True).filter(fits_archive)  # fmt: skip


@given(st.dictionaries(_names, st.binary(max_size=1500), max_size=ARTIFACTS_PER_CAST_MAX))
def test_what_is_written_is_read(files: dict[str, bytes]) -> None:
    size = sum(map(len, files.values()))
    archive = write_artifacts(files)
    assert read_artifacts(archive, size) == files
    assert len(archive) <= archive_bytes_max(size)
    if size:
        with pytest.raises(ValueError, match="too large"):
            read_artifacts(archive, size - 1)


def test_no_byte_can_be_another() -> None:
    archive = write_artifacts({"a": b"x", "b/c": b""})
    for at in range(len(archive)):
        changed = bytearray(archive)
        changed[at] ^= 1
        try:
            files = read_artifacts(bytes(changed), 10)
        except ValueError:
            continue
        assert at == 512, "only the content may be another"
        assert files == {"a": b"y", "b/c": b""}


@pytest.mark.parametrize(
    "name",
    ["", "/a", "a/", "a//b", ".", "..", "../a", "a/..", ".a", "a/.b", "a b", "a\n", "é", "a\\b",
     "output.json", "output.json/a", "x" * 201, "x" * 101, "-a"],
)  # fmt: skip
def test_a_name_that_no_artifact_has_is_refused(name: str) -> None:
    assert not fits_archive(name)


@pytest.mark.parametrize(
    "name", ["a", "a.b-c_d", "a/output.json", "x" * 100, "f" * 99 + "/" + "x" * 100]
)
def test_a_plain_name_is_taken(name: str) -> None:
    assert fits_archive(name)
    assert is_artifact_name(name)


def _entry(name: str, **members: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for member, value in members.items():
        setattr(info, member, value)
    return info


@pytest.mark.parametrize(
    "entry",
    [
        _entry("a", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        _entry("a", type=tarfile.LNKTYPE, linkname="b"),
        _entry("a", type=tarfile.DIRTYPE),
        _entry("a", type=tarfile.FIFOTYPE),
        _entry("a", type=tarfile.CHRTYPE),
        _entry("../a", mode=0o644),
        _entry("/a", mode=0o644),
        _entry("a", mode=0o4755),
        _entry("a", mode=0o644, mtime=1),
        _entry("a", mode=0o644, uname="root"),
    ],
    ids=lambda entry: f"{entry.name} {entry.type!r} {entry.mode:o} {entry.mtime}{entry.uname}",
)
def test_only_plain_files_are_taken(entry: tarfile.TarInfo) -> None:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(entry)
    # tarfile pads to whole records; that alone must not be the reason.
    with pytest.raises(ValueError):  # noqa: PT011 - many reasons, all of them this
        read_artifacts(written.getvalue()[:512] + bytes(1024), 10_000)


def test_the_same_name_twice_and_another_order_are_refused() -> None:
    one, two = write_tar({"a": b"1"})[:1024], write_tar({"b": b"2"})[:1024]
    assert read_artifacts(one + two + bytes(1024), 10) == {"a": b"1", "b": b"2"}
    for archive in (one + one, two + one):
        with pytest.raises(ValueError, match="canonical"):
            read_artifacts(archive + bytes(1024), 10)


@pytest.mark.parametrize(
    "size", [b"77777777777\0", b"-0000000001\0", b"           \0", b"00000000001 "]
)
def test_a_size_that_is_none_is_refused(size: bytes) -> None:
    archive = bytearray(write_artifacts({"a": b"x"}))
    archive[124:136] = size
    with pytest.raises(ValueError):  # noqa: PT011
        read_artifacts(bytes(archive), 10)


def test_a_file_too_many_is_refused() -> None:
    files = {f"{number:02}": b"" for number in range(ARTIFACTS_PER_CAST_MAX)}
    assert read_artifacts(write_artifacts(files), 0) == files
    for bytes_max in (0, 10_000):
        with pytest.raises(ValueError, match="too many"):
            read_artifacts(write_artifacts({**files, "99": b""}), bytes_max)
