"""What the Actions half remembers: documents of a few kinds, in one SQLite file.

Every change is on disk before it is seen, so that a killed server finds everything again.
"""

import json
from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import Any

from infra.embedded.sqlite import open_sqlite

Document = dict[str, Any]

# An address may name any number; SQLite's end here.
_ID_MAX = 2**63 - 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    repository_id INTEGER NOT NULL,
    parent_id INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS documents_by_parent ON documents (kind, repository_id, parent_id);
"""


class Documents:
    """Documents by id; ids are unique over all kinds and never used again.

    Args:
        path: the SQLite file, made when it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._lock = RLock()
        self._connection = open_sqlite(path, _SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def add(self, kind: str, body: Document, repository_id: int = 0, parent_id: int = 0) -> int:
        """Keep a new document; its id."""
        with self._lock:
            cursor = self._connection.execute(
                "INSERT INTO documents (kind, repository_id, parent_id, body) VALUES (?, ?, ?, ?)",
                (kind, repository_id, parent_id, json.dumps(body)),
            )
        return int(cursor.lastrowid or 0)

    def get(self, kind: str, document_id: int) -> Document | None:
        """A document, with its `id`, `repository_id` and `parent_id`; None when there is none."""
        if not -_ID_MAX <= document_id <= _ID_MAX:
            return None
        with self._lock:
            row = self._connection.execute(
                "SELECT id, repository_id, parent_id, body FROM documents WHERE kind=? AND id=?",
                (kind, document_id),
            ).fetchone()
        return _document(row) if row else None

    def all(
        self, kind: str, repository_id: int | None = None, parent_id: int | None = None
    ) -> list[Document]:
        """The documents of a kind, oldest first."""
        wanted = [("repository_id", repository_id), ("parent_id", parent_id)]
        named = [(name, value) for name, value in wanted if value is not None]
        if not all(-_ID_MAX <= value <= _ID_MAX for _, value in named):
            return []
        where = "".join(f" AND {name}=?" for name, _ in named)
        with self._lock:
            rows = self._connection.execute(
                "SELECT id, repository_id, parent_id, body FROM documents"  # noqa: S608  (our names)
                f" WHERE kind=?{where} ORDER BY id",
                (kind, *(value for _, value in named)),
            ).fetchall()
        return [_document(row) for row in rows]

    def change(
        self, kind: str, document_id: int, change: Callable[[Document], bool | None]
    ) -> Document | None:
        """Change a document in one step; None when it is gone, or `change` says False."""
        with self._lock:
            document = self.get(kind, document_id)
            if document is None or change(document) is False:
                return None
            self._connection.execute(
                "UPDATE documents SET body=? WHERE id=?", (json.dumps(document), document_id)
            )
            return document

    def drop(self, kind: str, document_id: int) -> bool:
        """Forget a document; whether it was there."""
        with self._lock:
            cursor = self._connection.execute(
                "DELETE FROM documents WHERE kind=? AND id=?", (kind, document_id)
            )
        return cursor.rowcount > 0


def _document(row: tuple[int, int, int, str]) -> Document:
    body: Document = json.loads(row[3])
    return {**body, "id": row[0], "repository_id": row[1], "parent_id": row[2]}
