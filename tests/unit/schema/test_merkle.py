"""The tree of RFC 6962, by the vectors of the Certificate Transparency project."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sigstore._internal.merkle import (
    _chain_border_right,
    _chain_inner,
    _decomp_inclusion_proof,
)

from schema.merkle import MerkleTree, leaf_hash, node_hash, root_of_path

ENTRIES = [
    bytes.fromhex(text)
    for text in (
        *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CONSISTENCY = {
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
    (8, 8): [],
}


def tree_of(count: int) -> MerkleTree:
    return MerkleTree(leaf_hash(bytes([number])) for number in range(count))


@pytest.mark.parametrize("size", range(9))
def test_a_tree_of_any_size_has_the_root_of_the_standard(size: int) -> None:
    tree = MerkleTree(leaf_hash(entry) for entry in ENTRIES)
    assert tree.root(size).hex() == ROOTS[size]


@pytest.mark.parametrize(("sizes", "proof"), CONSISTENCY.items())
def test_a_consistency_proof_is_that_of_the_standard(
    sizes: tuple[int, int], proof: list[str]
) -> None:
    tree = MerkleTree(leaf_hash(entry) for entry in ENTRIES)
    assert [each.hex() for each in tree.consistency_proof(*sizes)] == proof


@settings(deadline=None)
@given(st.integers(1, 70), st.data())
def test_every_leaf_is_proven_in_every_tree_that_has_it(size: int, data: st.DataObject) -> None:
    """By the verifier of sigstore's client."""
    index = data.draw(st.integers(0, size - 1))
    tree = tree_of(70)
    proof = tree.inclusion_proof(index, size)
    inner, border = _decomp_inclusion_proof(index, size)
    assert len(proof) == inner + border
    hashed = _chain_inner(leaf_hash(bytes([index])), proof[:inner], index)
    assert _chain_border_right(hashed, proof[inner:]) == tree.root(size)


@settings(deadline=None)
@given(st.integers(1, 70), st.integers(1, 70))
def test_every_tree_is_the_beginning_of_every_larger_one(one: int, other: int) -> None:
    first, second = sorted((one, other))
    tree = tree_of(70)
    proof = tree.consistency_proof(first, second)
    assert is_consistent(first, second, tree.root(first), tree.root(second), proof)
    if proof:
        assert not is_consistent(first, second, bytes(32), tree.root(second), proof)
        assert not is_consistent(first, second, tree.root(first), bytes(32), proof)


@pytest.mark.parametrize(
    ("ask", "arguments"),
    [
        ("root", (4,)),
        ("inclusion_proof", (3, 3)),
        ("inclusion_proof", (0, 4)),
        ("inclusion_proof", (-1, 3)),
        ("consistency_proof", (0, 3)),
        ("consistency_proof", (3, 2)),
        ("consistency_proof", (1, 4)),
    ],
)
def test_what_the_tree_does_not_have_is_refused(ask: str, arguments: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="The tree has 3 leaves"):
        getattr(tree_of(3), ask)(*arguments)


def is_consistent(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: list[bytes]
) -> bool:
    """The verifier of RFC 9162, section 2.1.4.2."""
    if first == second:
        return not proof and first_root == second_root
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, step)
        node, last = node >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


@given(st.integers(1, 40), st.data())
def test_a_path_leads_to_the_root_and_any_other_does_not(size: int, data: st.DataObject) -> None:
    tree, index = tree_of(size), data.draw(st.integers(0, size - 1))
    leaf, path = leaf_hash(bytes([index])), tree.inclusion_proof(index, size)
    assert root_of_path(leaf, index, size, path) == tree.root(size)
    wrong = leaf_hash(b"another")
    assert root_of_path(wrong, index, size, path) != tree.root(size)
    assert root_of_path(leaf, index, size, [*path, wrong]) != tree.root(size)
    assert path == [] or root_of_path(leaf, index, size, path[:-1]) != tree.root(size)
    for outside in (-1, size):
        assert root_of_path(leaf, outside, size, path) is None
    other = data.draw(st.integers(0, size - 1))
    assert other == index or root_of_path(leaf, other, size, path) != tree.root(size)
