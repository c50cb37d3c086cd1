"""The transparency log of signatures, as Rekor v1: a Merkle tree over durable entries."""

import base64
import hashlib
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any

import rfc8785
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from infra.embedded.sigstore.durable_tree import DurableTree
from infra.embedded.sigstore.keys import public_der
from infra.embedded.sigstore.log_store import LogStore, StoredEntry
from infra.embedded.sigstore.notes import checkpoint_text, signed_note
from infra.embedded.sigstore.proposed_entries import body_of
from infra.embedded.sigstore.refusal import RefusedError

Json = dict[str, Any]
NAME = "rekor.spell.localhost"


class TransparencyLog:
    """Logs signatures and proves that they are logged.

    Args:
        store: where entries are kept.
        key: P-256, signs checkpoints and promises.
        clock: the time now, with its zone.
    """

    def __init__(
        self, store: LogStore, key: ec.EllipticCurvePrivateKey, clock: Callable[[], datetime]
    ) -> None:
        self._entries = DurableTree(store, clock)
        self._key = key
        self.log_id = hashlib.sha256(public_der(key.public_key())).digest()
        # Rekor's origin is a host's name and the number of a tree.
        self._tree_id = int.from_bytes(self.log_id[:7])

    def add(self, proposed: Any) -> Json:
        """Log an entry; the same one again is the same entry still.

        Args:
            proposed: the JSON document of Rekor's `POST /api/v1/log/entries`.

        Returns:
            Rekor's answer: the entry with promise and proof, under its id.

        Raises:
            RefusedError: the entry is of no kind that is logged, or its signature does not hold.
        """
        body = body_of(proposed)
        with self._entries.lock:
            return self._proven(self._entries.add(body))

    def entry(self, log_index: int) -> Json:
        """The entry with this index, with promise and proof.

        Raises:
            RefusedError: there is none; 404.
        """
        with self._entries.lock:
            return self._found(self._entries.at(log_index))

    def entry_by_id(self, entry_id: str) -> Json:
        """The entry with this id: its leaf hash in hexadecimal, after the number of the tree.

        Raises:
            RefusedError: there is none; 404.
        """
        try:
            leaf = bytes.fromhex(entry_id)[-hashlib.sha256().digest_size :]
        except ValueError:
            leaf = b""
        with self._entries.lock:
            return self._found(self._entries.by_leaf(leaf))

    def state(self) -> Json:
        """Size, root and signed checkpoint, as Rekor's `GET /api/v1/log`."""
        with self._entries.lock:
            size = self._entries.size
            return {
                "treeSize": size,
                "rootHash": self._entries.tree.root(size).hex(),
                "signedTreeHead": self._checkpoint(size),
                "treeID": str(self._tree_id),
            }

    def consistency(self, first: int, last: int) -> Json:
        """What shows that the log of size `last` begins with the one of size `first`.

        Raises:
            RefusedError: there are no such sizes.
        """
        with self._entries.lock:
            try:
                hashes_found = self._entries.tree.consistency_proof(first, last)
            except ValueError as error:
                raise RefusedError(str(error)) from None
            root = self._entries.tree.root(last)
        return {"rootHash": root.hex(), "hashes": [each.hex() for each in hashes_found]}

    def _found(self, entry: StoredEntry | None) -> Json:
        if entry is None:
            raise RefusedError("The log has no such entry.", HTTPStatus.NOT_FOUND)
        return self._proven(entry)

    def _proven(self, entry: StoredEntry) -> Json:
        logged: Json = {
            "body": base64.b64encode(entry.body).decode("ascii"),
            "integratedTime": entry.integrated_at,
            "logID": self.log_id.hex(),
            "logIndex": entry.log_index,
        }
        verification = {
            "inclusionProof": self._inclusion(entry.log_index),
            # Rekor's promise is over exactly these four members in canonical form.
            "signedEntryTimestamp": _base64(self._sign(rfc8785.dumps(logged))),
        }
        return {self._entry_id(entry): {**logged, "verification": verification}}

    def _inclusion(self, log_index: int) -> Json:
        size = self._entries.size
        return {
            "logIndex": log_index,
            "treeSize": size,
            "rootHash": self._entries.tree.root(size).hex(),
            "hashes": [each.hex() for each in self._entries.tree.inclusion_proof(log_index, size)],
            "checkpoint": self._checkpoint(size),
        }

    def _checkpoint(self, size: int) -> str:
        text = checkpoint_text(f"{NAME} - {self._tree_id}", size, self._entries.tree.root(size))
        return signed_note(text, NAME, self.log_id[:4], self._sign(text.encode()))

    def _entry_id(self, entry: StoredEntry) -> str:
        return f"{self._tree_id:016x}{entry.leaf_hash.hex()}"

    def _sign(self, content: bytes) -> bytes:
        return self._key.sign(content, ec.ECDSA(hashes.SHA256()))


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
