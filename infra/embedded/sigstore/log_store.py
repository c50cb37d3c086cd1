"""The file of a transparency log: entries are added, and never changed or removed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from infra.embedded.private_file import OWNER_ONLY

IN_MEMORY = Path(":memory:")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    log_index INTEGER PRIMARY KEY CHECK (log_index >= 0),
    leaf_hash BLOB NOT NULL UNIQUE CHECK (length(leaf_hash) = 32),
    body BLOB NOT NULL,
    integrated_at INTEGER NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS no_change BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'log entries never change'); END;
CREATE TRIGGER IF NOT EXISTS no_removal BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'log entries are never removed'); END;
CREATE TRIGGER IF NOT EXISTS no_gap BEFORE INSERT ON entries
WHEN NEW.log_index <> (SELECT coalesce(max(log_index), -1) + 1 FROM entries)
BEGIN SELECT RAISE(ABORT, 'log entries have no gaps'); END;
"""


@dataclass(frozen=True)
class StoredEntry:
    """One entry as it was logged."""

    log_index: int
    leaf_hash: bytes
    body: bytes
    """Canonical JSON."""
    integrated_at: int
    """Unix seconds."""


class LogStore:
    """Entries in an SQLite file; what `add` has returned from survives kill -9 and power loss.

    Args:
        path: the file, made when it is not there; or `IN_MEMORY`.
    """

    def __init__(self, path: Path) -> None:
        if path != IN_MEMORY:
            path.touch(mode=OWNER_ONLY)
        # The log that owns this store lets in one thread at a time.
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(_SCHEMA)

    def add(self, entry: StoredEntry) -> None:
        """Add the next entry, durably.

        Raises:
            sqlite3.IntegrityError: its index is not the next one, or it is there already.
        """
        self._database.execute(
            "INSERT INTO entries (log_index, leaf_hash, body, integrated_at) VALUES (?, ?, ?, ?)",
            (entry.log_index, entry.leaf_hash, entry.body, entry.integrated_at),
        )

    def at(self, log_index: int) -> StoredEntry | None:
        """The entry with this index."""
        return self._one("SELECT * FROM entries WHERE log_index = ?", log_index)

    def by_leaf(self, leaf_hash: bytes) -> StoredEntry | None:
        """The entry with this leaf hash."""
        return self._one("SELECT * FROM entries WHERE leaf_hash = ?", leaf_hash)

    def leaves(self) -> Iterator[bytes]:
        """Every leaf hash, in order."""
        query = "SELECT leaf_hash FROM entries ORDER BY log_index"
        with closing(self._database.execute(query)) as rows:
            for (leaf,) in rows:
                yield leaf

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _one(self, query: str, value: int | bytes) -> StoredEntry | None:
        row = self._database.execute(query, (value,)).fetchone()
        return None if row is None else StoredEntry(*row)
