"""The transparency log of signatures, as Rekor v2: entries without times, checkpoints by Ed25519.

When a signature was made, a time-stamp authority says (`timestamps.py`), not this log.
"""

import base64
import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from infra.embedded.sigstore.durable_tree import DurableTree
from infra.embedded.sigstore.log_store import LogStore, StoredEntry
from infra.embedded.sigstore.notes import checkpoint_text, signed_note
from infra.embedded.sigstore.tile_entries import tile_body_of

Json = dict[str, Any]
NAME = "rekor2.spell.localhost"
_ED25519 = b"\x01"


class TileLog:
    """Logs signatures and proves that they are logged.

    Args:
        store: where entries are kept.
        key: signs checkpoints.
        clock: the time now, with its zone.
    """

    def __init__(
        self, store: LogStore, key: ed25519.Ed25519PrivateKey, clock: Callable[[], datetime]
    ) -> None:
        self._entries = DurableTree(store, clock)
        self._key = key
        self.log_id = log_id_of(key.public_key())

    def add(self, proposed: Any) -> Json:
        """Log an entry; the same one again is the same entry still.

        Args:
            proposed: the JSON document of Rekor's `POST /api/v2/log/entries`.

        Returns:
            Rekor's answer, a `TransparencyLogEntry` of Sigstore's protobuf-specs.

        Raises:
            RefusedError: the entry is of no kind that is logged, or its signature does not hold.
        """
        body = tile_body_of(proposed)
        with self._entries.lock:
            return self._proven(self._entries.add(body))

    def _proven(self, entry: StoredEntry) -> Json:
        index, size, tree = entry.log_index, self._entries.size, self._entries.tree
        return {
            "logIndex": str(index),
            "logId": {"keyId": _base64(self.log_id)},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
            "inclusionProof": {
                "logIndex": str(index),
                "treeSize": str(size),
                "rootHash": _base64(tree.root(size)),
                "hashes": [_base64(each) for each in tree.inclusion_proof(index, size)],
                "checkpoint": {"envelope": self._checkpoint(size)},
            },
            "canonicalizedBody": _base64(entry.body),
        }

    def _checkpoint(self, size: int) -> str:
        text = checkpoint_text(NAME, size, self._entries.tree.root(size))
        return signed_note(text, NAME, self.log_id[:4], self._key.sign(text.encode()))


def log_id_of(key: ed25519.Ed25519PublicKey) -> bytes:
    """The log's id: that of its key as the signer of notes with its name (C2SP `signed-note`)."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(NAME.encode() + b"\n" + _ED25519 + raw).digest()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
