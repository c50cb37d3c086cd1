"""What the local Stripe keeps: objects by kind, answers by Idempotency-Key, deliveries to make."""

import json
import time
from pathlib import Path
from typing import Self

from infra.embedded.sqlite import open_sqlite
from infra.embedded.stripe.calls import Document
from infra.embedded.stripe.refusal import missing

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, kind TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL, due REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS objects_of_kind ON objects (kind, number);
"""


class Store:
    """One SQLite file. A request's changes are committed together, or not at all.

    Args:
        file: where it is; made when it is not there.
    """

    def __init__(self, file: Path) -> None:
        self._connection = open_sqlite(file, _SCHEMA)

    def __enter__(self) -> Self:
        self._connection.execute("BEGIN IMMEDIATE")
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._connection.execute("COMMIT" if kind is None else "ROLLBACK")

    def put(self, document: Document) -> Document:
        """Keep an object under its id, in place of what it was."""
        self._connection.execute(
            "INSERT INTO objects (id, kind, body) VALUES (?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            (document["id"], document["object"], json.dumps(document)),
        )
        return document

    def get(self, kind: str, identifier: str) -> Document | None:
        """An object by its id."""
        row = self._connection.execute(
            "SELECT body FROM objects WHERE id = ? AND kind = ?", (identifier, kind)
        ).fetchone()
        return json.loads(row[0]) if row else None

    def newest(self, kind: str) -> list[Document]:
        """All objects of a kind, the newest first, as Stripe lists them."""
        rows = self._connection.execute(
            "SELECT body FROM objects WHERE kind = ? ORDER BY number DESC", (kind,)
        )
        return [json.loads(body) for (body,) in rows]

    def one(self, kind: str, identifier: str) -> Document:
        """An object by its id. Raises RefusedError: there is none."""
        found = self.get(kind, identifier)
        if found is None:
            raise missing(kind, identifier)
        return found

    def answer(self, key: str) -> tuple[str, int, str] | None:
        """What a key was used for, and answered with."""
        found: tuple[str, int, str] | None = self._connection.execute(
            "SELECT fingerprint, status, body FROM answers WHERE key = ?", (key,)
        ).fetchone()
        return found

    def keep_answer(self, key: str, fingerprint: str, status: int, body: str) -> None:
        """Keep an answer for its key."""
        self._connection.execute(
            "INSERT INTO answers VALUES (?, ?, ?, ?, ?)",
            (key, fingerprint, status, body, time.time()),
        )

    def forget_answers(self, *, before: float) -> None:
        """Forget what was answered before a moment: those keys are new again."""
        self._connection.execute("DELETE FROM answers WHERE at < ?", (before,))

    def deliver(self, event_id: str, *, after_seconds: float = 0.0) -> None:
        """Have an event delivered."""
        self._connection.execute(
            "INSERT INTO deliveries (event_id, due) VALUES (?, ?)",
            (event_id, time.time() + after_seconds),
        )

    def due(self) -> list[tuple[int, str, int]]:
        """Deliveries to make now: number, event, attempts before."""
        rows = self._connection.execute(
            "SELECT number, event_id, attempts FROM deliveries WHERE due <= ? ORDER BY due, number",
            (time.time(),),
        )
        return rows.fetchall()

    def delivered(self, number: int) -> None:
        """Forget a delivery that was taken."""
        self._connection.execute("DELETE FROM deliveries WHERE number = ?", (number,))

    def deliver_again(self, number: int, *, after_seconds: float) -> None:
        """Put a delivery off that was not taken."""
        self._connection.execute(
            "UPDATE deliveries SET attempts = attempts + 1, due = ? WHERE number = ?",
            (time.time() + after_seconds, number),
        )
