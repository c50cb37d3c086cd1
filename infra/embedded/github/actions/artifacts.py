"""Artifacts of runs: bytes on disk, names in the documents, addresses that expire.

created -> blocks or one blob sent -> finalized (listed from now on) -> deleted
"""

import hashlib
import hmac
import re
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from infra.embedded.github.actions.clock import now, stamp
from infra.embedded.github.actions.documents import Document, Documents
from infra.embedded.github.actions.signed_addresses import other_origin

ARTIFACT = "artifact"
ARTIFACT_BYTES_MAX = 512 * 1024 * 1024
# As GitHub has it, of one job.
ARTIFACTS_MAX = 500
_RETENTION = timedelta(days=90)
_ADDRESS_SECONDS = 60
_UPLOAD_SECONDS = 3600
_BLOCK = re.compile(r"[A-Za-z0-9+/=_-]{1,100}")


class Artifacts:
    """Keeps artifacts.

    Args:
        documents: their names.
        folder: their bytes.
        base_url: as clients reach the server.
        key: signs addresses.
    """

    def __init__(self, documents: Documents, folder: Path, base_url: str, key: bytes) -> None:
        self._documents = documents
        self._folder = folder
        self._key = key
        self._blobs_url = f"{other_origin(base_url)}/_local/blobs"

    def create(self, run: Document, name: str, expires_at: str | None) -> int:
        """A new artifact, of which nothing is sent yet; its id."""
        body = {
            "name": name,
            "attempt": run["attempt"],
            "run": {"branch": run["branch"], "sha": run["sha"]},
            "size": 0,
            "digest": None,
            "finalized": False,
            "created_at": stamp(),
            "expires_at": _expiry(expires_at),
        }
        artifact_id = self._documents.add(ARTIFACT, body, run["repository_id"], run["id"])
        (self._folder / str(artifact_id)).mkdir(parents=True)
        return artifact_id

    def get(self, artifact_id: int) -> Document | None:
        """A finalized artifact; None when it is unknown."""
        artifact = self._documents.get(ARTIFACT, artifact_id)
        return _aged(artifact) if artifact and artifact["finalized"] else None

    def is_open(self, artifact_id: int) -> bool:
        """Whether it is still being sent: what is finalized does not change any more."""
        artifact = self._documents.get(ARTIFACT, artifact_id)
        return artifact is not None and not artifact["finalized"]

    def all(self, repository_id: int, run_id: int | None = None) -> list[Document]:
        """The finalized artifacts, newest first."""
        found = self._documents.all(ARTIFACT, repository_id, run_id)
        return [_aged(artifact) for artifact in reversed(found) if artifact["finalized"]]

    def count(self, run: Document) -> int:
        """How many a run has begun to send."""
        return len(self._documents.all(ARTIFACT, run["repository_id"], run["id"]))

    def draft(self, run: Document, name: str) -> Document | None:
        """The newest artifact of that name that is not finalized yet."""
        found = self._documents.all(ARTIFACT, run["repository_id"], run["id"])
        drafts = [one for one in found if one["name"] == name and not one["finalized"]]
        return drafts[-1] if drafts else None

    def finalize(self, artifact_id: int, size: int, digest: str | None) -> str | None:
        """List it; what is wrong, or None.

        Args:
            artifact_id: which.
            size: how many bytes the client says it sent.
            digest: `sha256:<hex>` of them, where it says so.
        """
        blob = self.blob(artifact_id)
        if not blob.is_file() or blob.stat().st_size != size:
            return "the size is not that of the uploaded blob"
        actual = f"sha256:{_digest(blob)}"
        if digest and digest.removeprefix("sha256:") != actual.removeprefix("sha256:"):
            return "the hash is not that of the uploaded blob"
        change = {"finalized": True, "size": size, "digest": actual}
        self._documents.change(ARTIFACT, artifact_id, lambda one: one.update(change))
        return None

    def delete(self, artifact_id: int) -> None:
        """Forget it, with its bytes."""
        self._documents.drop(ARTIFACT, artifact_id)
        shutil.rmtree(self._folder / str(artifact_id), ignore_errors=True)

    def blob(self, artifact_id: int) -> Path:
        """The file that holds its bytes."""
        return self._folder / str(artifact_id) / "blob.zip"

    def block(self, artifact_id: int, block_id: str) -> Path | None:
        """The file that holds a block; None for a name that is no block id."""
        if not _BLOCK.fullmatch(block_id):
            return None
        return self._folder / str(artifact_id) / f"{block_id.encode().hex()}.block"

    def join(self, artifact_id: int, block_ids: list[str]) -> bool:
        """Make the blob of its blocks, in this order; False when one is missing."""
        blocks = [self.block(artifact_id, block_id) for block_id in block_ids]
        # A block named twice would make the blob larger than what was sent.
        if len(set(blocks)) != len(blocks) or not all(each and each.is_file() for each in blocks):
            return False
        with self.blob(artifact_id).open("wb") as whole:
            for block in filter(None, blocks):
                with block.open("rb") as part:
                    shutil.copyfileobj(part, whole)
                block.unlink()
        return True

    def room(self, artifact_id: int, target: Path) -> int:
        """How many bytes a file of an artifact may have beside its other files."""
        others = (self._folder / str(artifact_id)).iterdir()
        return ARTIFACT_BYTES_MAX - sum(each.stat().st_size for each in others if each != target)

    def address(self, artifact_id: int, verb: str) -> str:
        """An address that reads (`get`, one minute) or writes (`put`, one hour) the bytes."""
        life = _ADDRESS_SECONDS if verb == "get" else _UPLOAD_SECONDS
        until = int(time.time()) + life
        query = urlencode({"se": until, "sp": verb, "sig": self._sign(artifact_id, verb, until)})
        return f"{self._blobs_url}/{artifact_id}?{query}"

    def allows(self, artifact_id: int, verb: str, query: dict[str, Any]) -> bool:
        """Whether an address is ours, for this, and not too old."""
        try:
            until = int(query.get("se", ""))
        except ValueError:
            return False
        expected = self._sign(artifact_id, verb, until)
        return until >= time.time() and hmac.compare_digest(expected, str(query.get("sig", "")))

    def _sign(self, artifact_id: int, verb: str, until: int) -> str:
        message = f"{verb}:{artifact_id}:{until}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()


def _expiry(wanted: str | None) -> str:
    """The wanted time, if it is one with a zone and within the usual retention."""
    latest = now() + _RETENTION
    try:
        moment = datetime.fromisoformat(wanted) if wanted else latest
        return stamp(min(moment, latest).astimezone(UTC))
    except (ValueError, TypeError):
        return stamp(latest)


def _aged(artifact: Document) -> Document:
    expires = datetime.fromisoformat(artifact["expires_at"])
    return {**artifact, "expired": expires <= now()}


def _digest(path: Path) -> str:
    with path.open("rb") as blob:
        return hashlib.file_digest(blob, "sha256").hexdigest()
