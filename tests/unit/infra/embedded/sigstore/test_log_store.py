"""The log's file: what is in it stays in it."""

import sqlite3
import stat
from pathlib import Path

import pytest

from infra.embedded.sigstore.log_store import LogStore, StoredEntry
from schema.merkle import leaf_hash


def entry(index: int, body: bytes | None = None) -> StoredEntry:
    body = body or b"body %d" % index
    return StoredEntry(index, leaf_hash(body), body, 1_700_000_000 + index)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    store = LogStore(tmp_path / "log.db")
    for index in range(3):
        store.add(entry(index))
    store.close()
    return tmp_path / "log.db"


def test_entries_are_there_after_the_file_was_opened_again(file: Path) -> None:
    store = LogStore(file)
    assert list(store.leaves()) == [entry(index).leaf_hash for index in range(3)]
    assert store.at(2) == store.by_leaf(entry(2).leaf_hash) == entry(2)
    assert store.at(3) is None
    assert store.by_leaf(bytes(32)) is None


def test_the_file_is_its_owners_alone(file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE entries SET body = x'00' WHERE log_index = 1", "never change"),
        ("DELETE FROM entries WHERE log_index = 2", "never removed"),
        ("INSERT INTO entries VALUES (4, zeroblob(32), x'00', 0)", "no gaps"),
        ("INSERT INTO entries VALUES (2, zeroblob(32), x'00', 0)", "no gaps"),
        ("INSERT INTO entries VALUES (3, x'00', x'00', 0)", "CHECK constraint"),
    ],
)
def test_the_file_itself_refuses_to_rewrite_the_past(
    file: Path, statement: str, words: str
) -> None:
    database = sqlite3.connect(file)
    with pytest.raises(sqlite3.IntegrityError, match=words):
        database.execute(statement)
    database.close()


def test_the_same_entry_is_not_there_twice(file: Path) -> None:
    store = LogStore(file)
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        store.add(entry(3, b"body 1"))
