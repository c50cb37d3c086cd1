"""Seals of the ledger as bytes: rows as leaves, what is signed, how seals are linked. Pure.

The hashing is RFC 6962's. Numbers travel as text where they may exceed 2^53.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from schema.canonical import canonical_json
from schema.contracts.ledger import LedgerSeal, RowPosition
from schema.merkle import MerkleTree, leaf_hash
from schema.receipts import pae

SIGNING_PURPOSE = "ledger-seals"
"""Which of the platform's keys signs seals."""
PAYLOAD_TYPE = "application/vnd.spell-platform.ledger-seal+json"
NO_PREVIOUS = "0" * 64
_ROW_VERSION = "ledger-transfer-v1"


@dataclass(frozen=True)
class LedgerRow:
    """A row of `ledger_transfers`, with all that it says."""

    id: int
    reference: str
    kind: str
    debit_account_id: str
    credit_account_id: str
    currency: str
    amount_micros: int
    cast_id: str | None
    created_at: datetime
    transaction_id: int

    @property
    def position(self) -> RowPosition:
        """Where it is in the order of sealing."""
        return RowPosition(transaction_id=self.transaction_id, id=self.id)


def leaf_of(row: LedgerRow) -> bytes:
    """The leaf hash of a row: over everything that it says, so that no word of it can change."""
    said = [
        _ROW_VERSION,
        str(row.id),
        row.reference,
        row.kind,
        row.debit_account_id,
        row.credit_account_id,
        row.currency,
        str(row.amount_micros),
        row.cast_id,
        row.created_at.astimezone(UTC).isoformat(timespec="microseconds"),
        str(row.transaction_id),
    ]
    return leaf_hash(canonical_json(said))


def root_of(leaves: Iterable[bytes]) -> str:
    """The Merkle root over leaf hashes, in hex."""
    tree = MerkleTree(leaves)
    return tree.root(len(tree)).hex()


def payload_of(seal: LedgerSeal) -> bytes:
    """The seal as canonical JSON: the same bytes for the same seal."""
    return canonical_json(seal.model_dump(mode="json"))


def signed_bytes(seal: LedgerSeal) -> bytes:
    """What the signature covers."""
    return pae(PAYLOAD_TYPE, payload_of(seal))


def link_to(seal: LedgerSeal | None) -> str:
    """What the next seal says of this one; of none, zeros."""
    return NO_PREVIOUS if seal is None else hashlib.sha256(payload_of(seal)).hexdigest()
