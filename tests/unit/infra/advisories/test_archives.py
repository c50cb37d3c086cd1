"""Goal: no archive takes the importer down, fills the memory or writes anywhere."""

import io
import json
import struct
import zipfile
from pathlib import Path

import pytest

from infra.supply_chain.advisories import archives
from infra.supply_chain.advisories.archives import AdvisorySourceError, local_sources
from infra.supply_chain.advisories.records import RECORD_BYTES_MAX
from tests.support.osv import a_record, write_archive


def entries_of(path: Path) -> dict[str, str | None]:
    """Causes by name; None for what could be read."""
    (source,) = local_sources(path)
    return {entry.name: entry.cause for entry in source.entries()}


def test_a_bucket_a_folder_and_an_archive_are_told_apart(tmp_path: Path) -> None:
    write_archive(tmp_path / "PyPI" / "all.zip", [a_record("X-1")])
    folder = tmp_path / "GHSA" / "2026"
    folder.mkdir(parents=True)
    (folder / "GHSA-1.json").write_text(json.dumps(a_record("GHSA-1")))
    names = {source.name: [e.name for e in source.entries()] for source in local_sources(tmp_path)}
    assert names == {"PyPI": ["X-1.json"], "GHSA": ["2026/GHSA-1.json"]}
    (single,) = local_sources(tmp_path / "PyPI" / "all.zip")
    assert (single.name, single.digest is not None) == ("PyPI", True)


def test_a_bomb_is_refused_without_being_unpacked(tmp_path: Path) -> None:
    bomb = b" " * (RECORD_BYTES_MAX + 1)
    path = write_archive(tmp_path / "all.zip", [a_record("X-1")], bomb=bomb)
    assert path.stat().st_size < 100_000
    found = entries_of(path)
    assert found["X-1.json"] is None
    assert "larger" in (found["bomb.json"] or "")


def test_a_bomb_that_lies_about_its_size_is_refused_as_well(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "all.zip", [], bomb=b" " * (RECORD_BYTES_MAX + 1))
    content = bytearray(path.read_bytes())
    at = content.rfind(b"PK\x01\x02")
    struct.pack_into("<L", content, at + 24, 10)
    path.write_bytes(content)
    assert entries_of(path)["bomb.json"] is not None


def test_all_of_the_entries_together_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "UNPACKED_BYTES_MAX", 100)
    path = write_archive(tmp_path / "all.zip", [a_record(f"X-{n}") for n in range(9)])
    with pytest.raises(AdvisorySourceError, match="when unpacked"):
        entries_of(path)


def test_a_directory_of_millions_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "all.zip", [a_record("X-1")])
    content = bytearray(path.read_bytes())
    struct.pack_into("<L", content, content.rfind(b"PK\x05\x06") + 12, 0xFFFFFFF0)
    path.write_bytes(content)
    with pytest.raises(AdvisorySourceError, match="no OSV archive"):
        entries_of(path)


def test_a_broken_entry_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "all.zip", [a_record("X-1"), a_record("X-2")])
    content = bytearray(path.read_bytes())
    content[60:70] = b"\xff" * 10
    path.write_bytes(content)
    found = entries_of(path)
    assert "cannot be unpacked" in (found["X-1.json"] or "")
    assert found["X-2.json"] is None


def test_an_encrypted_entry_is_named(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "all.zip", [a_record("X-1")])
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        struct.pack_into("<H", content, at + offset, 1)
    path.write_bytes(content)
    assert "cannot be unpacked" in (entries_of(path)["X-1.json"] or "")


def test_names_of_entries_lead_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../evil.json", json.dumps(a_record("X-1")))
        archive.writestr("readme.txt", "not a record")
    assert entries_of(path) == {"../../evil.json": None}
    assert sorted(one.name for one in tmp_path.iterdir()) == ["all.zip"]


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip" * 100, b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_archive_is_refused_whole(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "all.zip").write_bytes(content)
    with pytest.raises(AdvisorySourceError):
        entries_of(tmp_path / "all.zip")


def test_a_truncated_archive_is_refused_whole(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "all.zip", [a_record(f"X-{n}") for n in range(50)])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AdvisorySourceError, match="no zip archive"):
        entries_of(path)


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    (folder / "X-1.json").symlink_to(secret)
    assert entries_of(folder) == {"X-1.json": "not a plain file"}


def test_a_path_where_nothing_is_says_so(tmp_path: Path) -> None:
    with pytest.raises(AdvisorySourceError, match="no such file"):
        local_sources(tmp_path / "nowhere")


def test_the_zip_writer_of_these_tests_makes_archives(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "all.zip", [a_record("X-1")])
    assert zipfile.ZipFile(io.BytesIO(path.read_bytes())).testzip() is None
