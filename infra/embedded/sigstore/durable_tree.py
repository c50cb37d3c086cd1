"""A Merkle tree whose leaves are in a file: what both kinds of log are made of."""

import threading
from collections.abc import Callable
from datetime import datetime

from infra.embedded.sigstore.log_store import LogStore, StoredEntry
from schema.merkle import MerkleTree, leaf_hash


class DurableTree:
    """Entries, durable and in order, and the tree over them. One thread at a time is let in.

    Args:
        store: where entries are kept.
        clock: the time now, with its zone.
    """

    def __init__(self, store: LogStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self.tree = MerkleTree(store.leaves())
        self.lock = threading.Lock()
        """Held by whoever reads or changes tree and entries."""

    @property
    def size(self) -> int:
        """How many entries there are."""
        return len(self.tree)

    def add(self, body: bytes) -> StoredEntry:
        """The entry with this body: a new one, or the one that is there already."""
        leaf = leaf_hash(body)
        entry = self._store.by_leaf(leaf)
        if entry is None:
            entry = StoredEntry(self.size, leaf, body, int(self._clock().timestamp()))
            self._store.add(entry)
            self.tree.append(leaf)
        return entry

    def at(self, index: int) -> StoredEntry | None:
        """The entry with this index."""
        return self._store.at(index)

    def by_leaf(self, leaf: bytes) -> StoredEntry | None:
        """The entry with this leaf hash."""
        return self._store.by_leaf(leaf)
