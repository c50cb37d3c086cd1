"""Commits of the local GitHub: whole trees by path, under the ids that git would give them."""

import base64
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

from infra.embedded.github.actions.documents import Document, Documents

_COMMIT, _REF = "commit", "ref"
HEADS = "refs/heads/"


@dataclass(frozen=True)
class Commit:
    """A commit, with all files that it has."""

    sha: str
    message: str
    parents: list[str]
    author: str
    created_at: float
    files: Mapping[str, bytes]


class Git:
    """Commits and refs of all repositories."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def commit(
        self,
        repository_id: int,
        files: Mapping[str, bytes],
        *,
        message: str,
        author: str,
        parents: list[str],
    ) -> str:
        """Keep a commit; its id."""
        packed = {path: base64.b64encode(content).decode() for path, content in files.items()}
        body: Document = {
            "message": message,
            "author": author,
            "parents": parents,
            "created_at": time.time(),
            "files": packed,
        }
        described = [message, author, str(body["created_at"]), *parents]
        described += [f"{path} {blob_sha(content)}" for path, content in sorted(files.items())]
        sha = hashlib.sha1("\n".join(described).encode(), usedforsecurity=False).hexdigest()
        self._documents.add(_COMMIT, {**body, "sha": sha}, repository_id)
        return sha

    def find(self, repository_id: int, ref: str) -> Commit | None:
        """What a branch, a tag, a whole ref or a commit's id leads to."""
        sha = self.refs(repository_id).get(_full(ref)) or self.refs(repository_id).get(
            f"refs/tags/{ref}"
        )
        for one in self._documents.all(_COMMIT, repository_id):
            if one["sha"] == (sha or ref):
                return _commit(one)
        return None

    def refs(self, repository_id: int) -> dict[str, str]:
        """Commits by whole ref."""
        return {one["ref"]: one["sha"] for one in self._documents.all(_REF, repository_id)}

    def point(self, repository_id: int, ref: str, sha: str) -> None:
        """Let a ref lead to a commit; a new one is made."""
        for one in self._documents.all(_REF, repository_id):
            if one["ref"] == ref:
                self._documents.change(_REF, one["id"], lambda body: body.update(sha=sha))
                return
        self._documents.add(_REF, {"ref": ref, "sha": sha}, repository_id)


def blob_sha(content: bytes) -> str:
    """Git's id of a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _full(ref: str) -> str:
    return ref if ref.startswith("refs/") else HEADS + ref.removeprefix("heads/")


def _commit(body: Document) -> Commit:
    files = {path: base64.b64decode(content) for path, content in body["files"].items()}
    return Commit(
        body["sha"], body["message"], body["parents"], body["author"], body["created_at"], files
    )
