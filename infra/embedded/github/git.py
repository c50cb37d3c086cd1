"""Repositories' git: objects under git's own ids, and refs that move only from where they were."""

import time
from collections.abc import Mapping
from pathlib import Path
from threading import RLock

from infra.embedded.github.git_objects import (
    BLOB,
    COMMIT,
    FILE_MODE,
    TREE,
    TREE_MODE,
    Commit,
    Entry,
    Person,
    object_id,
    pack_commit,
    pack_tree,
    unpack_commit,
    unpack_tree,
)
from infra.embedded.sqlite import open_sqlite

HEADS = "refs/heads/"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    repository_id INTEGER NOT NULL,
    sha TEXT NOT NULL,
    kind TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (repository_id, sha)
);
CREATE TABLE IF NOT EXISTS refs (
    repository_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    sha TEXT NOT NULL,
    PRIMARY KEY (repository_id, name)
);
"""


class Git:
    """Objects and refs of all repositories; every change is on disk before it is seen.

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

    def commit(
        self,
        repository_id: int,
        files: Mapping[str, bytes],
        *,
        message: str,
        author: str,
        parents: list[str],
    ) -> str:
        """Keep a commit with exactly these files; its id."""
        entries = {
            path: Entry(FILE_MODE, BLOB, self.add(repository_id, BLOB, content))
            for path, content in files.items()
        }
        person = Person(author, f"{author}@users.noreply.localhost", int(time.time()))
        tree = self.write_tree(repository_id, entries)
        return self.commit_tree(repository_id, tree, message, tuple(parents), person, person)

    def commit_tree(
        self,
        repository_id: int,
        tree: str,
        message: str,
        parents: tuple[str, ...],
        author: Person,
        committer: Person,
    ) -> str:
        """Keep a commit of a tree; its id."""
        content = pack_commit(tree, parents, author, committer, message)
        return self.add(repository_id, COMMIT, content)

    def write_tree(self, repository_id: int, entries: Mapping[str, Entry]) -> str:
        """Keep the trees of these paths; the outermost's id."""
        here: dict[str, Entry] = {}
        below: dict[str, dict[str, Entry]] = {}
        for path, entry in entries.items():
            name, _, rest = path.partition("/")
            if rest:
                below.setdefault(name, {})[rest] = entry
            else:
                here[name] = entry
        for name, inside in below.items():
            here[name] = Entry(TREE_MODE, TREE, self.write_tree(repository_id, inside))
        return self.add(repository_id, TREE, pack_tree(here))

    def add(self, repository_id: int, kind: str, content: bytes) -> str:
        """Keep an object, once; its id."""
        sha = object_id(kind, content)
        with self._lock:
            self._connection.execute(
                "INSERT OR IGNORE INTO objects VALUES (?, ?, ?, ?)",
                (repository_id, sha, kind, content),
            )
        return sha

    def get(self, repository_id: int, kind: str, sha: str) -> bytes | None:
        """An object of this kind; None when there is none."""
        with self._lock:
            row = self._connection.execute(
                "SELECT content FROM objects WHERE repository_id=? AND sha=? AND kind=?",
                (repository_id, sha, kind),
            ).fetchone()
        return bytes(row[0]) if row else None

    def find(self, repository_id: int, ref: str) -> Commit | None:
        """What a branch, a tag, a whole ref or a commit's id leads to."""
        refs = self.refs(repository_id)
        sha = refs.get(_full(ref)) or refs.get(f"refs/tags/{ref}") or ref
        content = self.get(repository_id, COMMIT, sha)
        return None if content is None else unpack_commit(sha, content)

    def level(self, repository_id: int, tree: str) -> dict[str, Entry]:
        """The names of one tree."""
        content = self.get(repository_id, TREE, tree)
        return {} if content is None else unpack_tree(content)

    def entries(self, repository_id: int, tree: str, *, trees: bool = False) -> dict[str, Entry]:
        """All paths of a tree: its files, and with `trees` its folders too."""
        found: dict[str, Entry] = {}
        for name, entry in self.level(repository_id, tree).items():
            if entry.kind != TREE or trees:
                found[name] = entry
            if entry.kind == TREE:
                below = self.entries(repository_id, entry.sha, trees=trees)
                found |= {f"{name}/{path}": inside for path, inside in below.items()}
        return found

    def files(self, repository_id: int, commit: Commit) -> dict[str, bytes]:
        """The files of a commit, with what is in them."""
        return {
            path: self.get(repository_id, BLOB, entry.sha) or b""
            for path, entry in self.entries(repository_id, commit.tree).items()
            if entry.kind == BLOB
        }

    def history(self, repository_id: int, commit: Commit, commits_max: int) -> list[Commit]:
        """A commit and what it comes from, each once, nearest first."""
        found: dict[str, Commit] = {}
        waiting = [commit.sha]
        while waiting and len(found) < commits_max:
            sha = waiting.pop(0)
            content = None if sha in found else self.get(repository_id, COMMIT, sha)
            if content is not None:
                found[sha] = unpack_commit(sha, content)
                waiting.extend(found[sha].parents)
        return list(found.values())

    def refs(self, repository_id: int) -> dict[str, str]:
        """Commits by whole ref."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT name, sha FROM refs WHERE repository_id=? ORDER BY name", (repository_id,)
            ).fetchall()
        return dict(rows)

    def point(self, repository_id: int, ref: str, sha: str) -> None:
        """Let a ref lead to a commit, wherever it led; a new one is made."""
        with self._lock:
            self._connection.execute(
                "INSERT OR REPLACE INTO refs VALUES (?, ?, ?)", (repository_id, ref, sha)
            )

    def move(self, repository_id: int, ref: str, before: str | None, sha: str) -> bool:
        """Let a ref lead on from `before` (None: it is new); False when it leads elsewhere now."""
        with self._lock:
            if self.refs(repository_id).get(ref) != before:
                return False
            self.point(repository_id, ref, sha)
            return True

    def drop(self, repository_id: int, ref: str) -> bool:
        """Forget a ref; whether it was there."""
        with self._lock:
            cursor = self._connection.execute(
                "DELETE FROM refs WHERE repository_id=? AND name=?", (repository_id, ref)
            )
        return cursor.rowcount > 0


def _full(ref: str) -> str:
    return ref if ref.startswith("refs/") else HEADS + ref.removeprefix("heads/")
