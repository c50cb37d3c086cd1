"""The Merkle tree of RFC 6962, section 2.1: roots, audit paths and consistency proofs.

Hashes of complete subtrees are kept, so that everything is found in O(log n).
"""

import hashlib
from collections.abc import Iterable


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry as a leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of_path(leaf: bytes, index: int, size: int, path: Iterable[bytes]) -> bytes | None:
    """The root that an audit path leads to (RFC 9162, 2.1.3.2); None when its length is wrong.

    Args:
        leaf: the leaf's hash.
        index: its place in the tree.
        size: how many leaves the tree has.
        path: as `MerkleTree.inclusion_proof` gives it.
    """
    if not 0 <= index < size:
        return None
    node, last, root = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            root = node_hash(sibling, root)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        node, last = node >> 1, last >> 1
    return root if last == 0 else None


class MerkleTree:
    """A tree that only grows. Asked for a size, it answers as it was at that size.

    Args:
        leaves: leaf hashes to begin with.
    """

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        # _levels[k][i] is the hash over the leaves from i * 2^k up to (i + 1) * 2^k.
        self._levels: list[list[bytes]] = [[]]
        for leaf in leaves:
            self.append(leaf)

    def __len__(self) -> int:
        """How many leaves there are."""
        return len(self._levels[0])

    def append(self, leaf: bytes) -> int:
        """Add a leaf hash.

        Returns:
            Its index.
        """
        self._levels[0].append(leaf)
        level = 0
        while len(self._levels[level]) % 2 == 0:
            if level + 1 == len(self._levels):
                self._levels.append([])
            left, right = self._levels[level][-2:]
            self._levels[level + 1].append(node_hash(left, right))
            level += 1
        return len(self) - 1

    def root(self, size: int) -> bytes:
        """The Merkle tree hash of the first `size` leaves (2.1).

        Raises:
            ValueError: the tree is not that large.
        """
        self._check(0 <= size <= len(self))
        return self._subtree(0, size) if size else hashlib.sha256(b"").digest()

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """The audit path of a leaf in the tree of the first `size` leaves (2.1.1).

        Raises:
            ValueError: the tree is not that large, or the leaf is not in it.
        """
        self._check(0 <= index < size <= len(self))
        return self._path(index, 0, size)

    def consistency_proof(self, first: int, second: int) -> list[bytes]:
        """What shows that the tree of size `second` begins with the tree of size `first` (2.1.2).

        Raises:
            ValueError: the sizes are not in order, or the tree is not that large.
        """
        self._check(0 < first <= second <= len(self))
        return self._subproof(first, 0, second, whole=True)

    def _check(self, holds: bool) -> None:
        if not holds:
            raise ValueError(f"The tree has {len(self)} leaves: no such index or size.")

    def _subtree(self, start: int, end: int) -> bytes:
        size = end - start
        if size & (size - 1) == 0 and start % size == 0:
            level = size.bit_length() - 1
            return self._levels[level][start >> level]
        middle = start + _split(size)
        return node_hash(self._subtree(start, middle), self._subtree(middle, end))

    def _path(self, index: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        middle = start + _split(end - start)
        if index < middle:
            return [*self._path(index, start, middle), self._subtree(middle, end)]
        return [*self._path(index, middle, end), self._subtree(start, middle)]

    def _subproof(self, first: int, start: int, end: int, *, whole: bool) -> list[bytes]:
        """SUBPROOF: `first` leaves of those from `start`; `whole`: their hash is known already."""
        if first == end - start:
            return [] if whole else [self._subtree(start, end)]
        size = _split(end - start)
        middle = start + size
        if first <= size:
            return [
                *self._subproof(first, start, middle, whole=whole),
                self._subtree(middle, end),
            ]
        return [
            *self._subproof(first - size, middle, end, whole=False),
            self._subtree(start, middle),
        ]


def _split(size: int) -> int:
    """The largest power of two below `size`, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)
