"""Proofs that a transfer is in the sealed ledger. Fits the API's port `LedgerProofs`."""

from dataclasses import asdict

from infra.ledger.anchors import AnchorUnreadableError, LedgerAnchors
from infra.repositories.ledger_seals import PostgresLedgerSeals
from infra.vault import PlatformVault
from schema.contracts.ledger import SealAnchor, TransferFacts, TransferProof
from schema.contracts.receipt import ReceiptKeys
from schema.errors import SpellError
from schema.ledger_seals import SIGNING_PURPOSE, LedgerRow
from schema.merkle import MerkleTree
from schema.receipts import web_key_of


class SealedProofs:
    """Makes proofs out of anchors."""

    def __init__(
        self, seals: PostgresLedgerSeals, anchors: LedgerAnchors, vault: PlatformVault
    ) -> None:
        self._seals = seals
        self._anchors = anchors
        self._vault = vault

    async def proof(self, transfer_id: int, only_of: str | None) -> TransferProof:
        """The proof of a transfer.

        Args:
            transfer_id: the row's id.
            only_of: an account that has to be on one side, and must not learn of another caster on
                the other; None for operators.

        Raises:
            SpellError: TRANSFER_NOT_FOUND, it is none of the account's or not sealed yet.
        """
        row = await self._seals.row(transfer_id, only_of)
        number = None if row is None else await self._seals.number_of(row.position)
        if row is None or number is None:
            raise SpellError("TRANSFER_NOT_FOUND")
        return _proof(row, await self._anchor(number))

    def keys(self) -> ReceiptKeys:
        """The public keys that check seals."""
        return ReceiptKeys(keys=[web_key_of(self._vault.public_key(SIGNING_PURPOSE))])

    async def _anchor(self, number: int) -> SealAnchor:
        try:
            anchor = await self._anchors.find(number)
        except AnchorUnreadableError as error:
            raise SpellError("TRANSFER_NOT_FOUND") from error
        if anchor is None:
            raise SpellError("TRANSFER_NOT_FOUND")
        return anchor


def _proof(row: LedgerRow, anchor: SealAnchor) -> TransferProof:
    ids = [row_id for row_id, _ in anchor.leaves]
    if row.id not in ids:
        raise SpellError("TRANSFER_NOT_FOUND")
    index = ids.index(row.id)
    tree = MerkleTree(bytes.fromhex(leaf) for _, leaf in anchor.leaves)
    return TransferProof(
        transfer=TransferFacts(**asdict(row)),
        index=index,
        path=[sibling.hex() for sibling in tree.inclusion_proof(index, len(tree))],
        signed=anchor.signed,
    )
