"""Whether a proof shows that a transfer is under a seal: pure; whoever asks brings Ed25519."""

from schema.contracts.ledger import TransferProof
from schema.ledger_seals import LedgerRow, leaf_of
from schema.merkle import root_of_path


def proves_inclusion(proof: TransferProof) -> bool:
    """Whether the path leads from the transfer to the root that the seal is about."""
    path = (bytes.fromhex(sibling) for sibling in proof.path)
    seal = proof.signed.seal
    leaf = leaf_of(LedgerRow(**proof.transfer.model_dump()))
    root = root_of_path(leaf, proof.index, seal.rows, path)
    return root is not None and root.hex() == seal.root
