"""Seals the ledger, batch by batch. Fits the port `LedgerSealer`.

A seal is recorded first, then anchored, and none is begun before the one before is anchored. So
whoever dies in between leaves at most one seal without its anchor, and the next look keeps it: from
the same rows, which must still give the root that was signed.
"""

import base64
from collections.abc import Sequence
from datetime import datetime

from infra.ledger.anchors import LedgerAnchors
from infra.repositories.ledger_seals import PostgresLedgerSeals
from infra.vault import PlatformVault
from schema.contracts.ledger import (
    SEAL_ROWS_MAX,
    LedgerSeal,
    RowPosition,
    SealAnchor,
    SealReport,
    SignedSeal,
)
from schema.ledger_seals import SIGNING_PURPOSE, LedgerRow, leaf_of, link_to, root_of, signed_bytes
from schema.receipts import key_id_of


class LedgerTamperedError(RuntimeError):
    """What was sealed is not what is there: a look through the books says which row."""


class TransactionsBehindError(RuntimeError):
    """Transaction ids begin anew below those that are sealed: see docs/operations.md."""


class VaultLedgerSealer:
    """Signs Merkle roots over rows of the ledger, and anchors them.

    Args:
        seals: the table.
        anchors: outside the database.
        vault: has the key that signs.
        rows_max: under one root; the rest gets the next seal.
    """

    def __init__(
        self,
        seals: PostgresLedgerSeals,
        anchors: LedgerAnchors,
        vault: PlatformVault,
        *,
        rows_max: int = SEAL_ROWS_MAX,
    ) -> None:
        self._seals = seals
        self._anchors = anchors
        self._vault = vault
        self._rows_max = rows_max
        self._anchored = 0

    async def seal(self) -> SealReport:
        """Make the next seal, if there is anything to seal.

        Raises:
            LedgerTamperedError: rows of a seal without an anchor are not those that were sealed.
            TransactionsBehindError: the database was restored from a dump.
        """
        last = await self._seals.last()
        if last is not None:
            await self._keep_anchor(last)
            await self._refuse_older_transactions(last.seal)
        after = RowPosition() if last is None else last.seal.last
        rows, seen_at = await self._seals.unsealed(after, self._rows_max)
        if seen_at is None:
            return SealReport(seals=0, rows=0)
        signed = self._signed(last.seal if last else None, rows, seen_at)
        if not await self._seals.record(signed):
            return SealReport(seals=0, rows=0)
        await self._anchors.keep(_anchor(signed, rows))
        self._anchored = signed.seal.number
        return SealReport(seals=1, rows=len(rows))

    def _signed(
        self, last: LedgerSeal | None, rows: Sequence[LedgerRow], seen_at: datetime
    ) -> SignedSeal:
        seal = LedgerSeal(
            number=last.number + 1 if last else 1,
            previous=link_to(last),
            after=last.last if last else RowPosition(),
            last=rows[-1].position,
            rows=len(rows),
            root=root_of(leaf_of(row) for row in rows),
            sealed_at=seen_at,
            key_id=key_id_of(self._vault.public_key(SIGNING_PURPOSE)),
        )
        signature = self._vault.sign(SIGNING_PURPOSE, signed_bytes(seal))
        return SignedSeal(seal=seal, signature=base64.b64encode(signature).decode("ascii"))

    async def _keep_anchor(self, last: SignedSeal) -> None:
        """Anchor the last seal, if whoever made it did not come to that."""
        seal = last.seal
        if seal.number <= self._anchored:
            return
        if await self._anchors.has(seal.number):
            self._anchored = seal.number
            return
        rows = await self._seals.between(seal, seal.rows + 1)
        if root_of(leaf_of(row) for row in rows) != seal.root:
            raise LedgerTamperedError(f"the rows of seal {seal.number} have another root")
        await self._anchors.keep(_anchor(last, rows))

    async def _refuse_older_transactions(self, last: LedgerSeal) -> None:
        if await self._seals.next_transaction() <= last.last.transaction_id:
            raise TransactionsBehindError(f"transactions begin anew below those of {last.number}")


def _anchor(signed: SignedSeal, rows: Sequence[LedgerRow]) -> SealAnchor:
    return SealAnchor(signed=signed, leaves=[(row.id, leaf_of(row).hex()) for row in rows])
