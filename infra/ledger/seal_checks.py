"""What is wrong with one seal, its anchor and the rows under it.

Table and anchor accuse each other; the signature says who is right. With the leaves of an anchor
that is right, each row that was tampered with has a name.
"""

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from schema.contracts.ledger import (
    FindingKind,
    LedgerFinding,
    LedgerSeal,
    RowPosition,
    SealAnchor,
    SignedSeal,
)
from schema.ledger_seals import LedgerRow, leaf_of, link_to, root_of, signed_bytes
from schema.receipts import key_id_of

# Between a seal and its anchor there is one write to object storage, or a worker that died.
ANCHOR_LATE_AFTER = timedelta(minutes=2)


@dataclass(frozen=True)
class SealEvidence:
    """What there is of one seal.

    Attributes:
        number: which one.
        recorded: what the table says; None when it says nothing.
        anchor: what object storage keeps; None when it keeps nothing, or nothing readable.
        readable: False when what object storage keeps is no anchor.
        holds: whether the anchor is of this seal, signed, and its leaves give the signed root.
    """

    number: int
    recorded: SignedSeal | None
    anchor: SealAnchor | None
    readable: bool = True
    holds: bool = False


@dataclass
class SealJudge:
    """Judges seals by the keys that may sign them."""

    keys: Sequence[bytes]
    _by_id: dict[str, bytes] = field(init=False)

    def __post_init__(self) -> None:
        self._by_id = {key_id_of(key): key for key in self.keys}

    def evidence(
        self,
        number: int,
        recorded: SignedSeal | None,
        anchor: SealAnchor | None,
        *,
        readable: bool = True,
    ) -> SealEvidence:
        """What there is of a seal, once its anchor is checked."""
        holds = anchor is not None and self._holds(number, anchor)
        return SealEvidence(number, recorded, anchor, readable, holds)

    def trusted(self, evidence: SealEvidence) -> SignedSeal | None:
        """What to hold rows against: the anchored seal if it is signed, else the recorded one."""
        if evidence.holds and evidence.anchor is not None:
            return evidence.anchor.signed
        return evidence.recorded

    def findings(
        self, evidence: SealEvidence, before: SignedSeal | None
    ) -> Iterator[LedgerFinding]:
        """What is wrong with the seal itself, with its anchor, and with its link to `before`."""
        yield from self._record_findings(evidence)
        yield from self._anchor_findings(evidence)
        trusted = self.trusted(evidence)
        if trusted is not None and not _follows(trusted.seal, before.seal if before else None):
            yield _of(FindingKind.SEAL_LINK, evidence, "does not follow the seal before it")

    def row_findings(
        self, evidence: SealEvidence, rows: Sequence[LedgerRow]
    ) -> list[LedgerFinding]:
        """Which rows are not as they were sealed."""
        if evidence.holds and evidence.anchor is not None:
            return list(_compared(evidence.anchor, rows))
        trusted = self.trusted(evidence)
        if trusted is None or root_of(leaf_of(row) for row in rows) == trusted.seal.root:
            return []
        message = "its rows have another root; without its anchor nobody can say which"
        return [_of(FindingKind.SEAL_ROOT, evidence, message)]

    def _record_findings(self, evidence: SealEvidence) -> Iterator[LedgerFinding]:
        recorded, anchor = evidence.recorded, evidence.anchor
        if recorded is None:
            yield _of(FindingKind.SEAL_MISSING, evidence, "is not in the table")
        elif not self._signed(recorded):
            yield _of(FindingKind.SEAL_SIGNATURE, evidence, "is not signed by a key of ours")
        elif evidence.holds and anchor is not None and anchor.signed != recorded:
            yield _of(FindingKind.SEAL_CHANGED, evidence, "is not the one that was anchored")

    def _anchor_findings(self, evidence: SealEvidence) -> Iterator[LedgerFinding]:
        recorded = evidence.recorded
        if evidence.anchor is None and evidence.readable:
            late = recorded is None or recorded.seal.sealed_at + ANCHOR_LATE_AFTER < _now()
            if late:
                yield _of(FindingKind.ANCHOR_MISSING, evidence, "is not in object storage")
        elif not evidence.holds:
            yield _of(FindingKind.ANCHOR_CHANGED, evidence, "in object storage it is another one")

    def _holds(self, number: int, anchor: SealAnchor) -> bool:
        seal = anchor.signed.seal
        return (
            seal.number == number
            and seal.rows == len(anchor.leaves)
            and self._signed(anchor.signed)
            and root_of(bytes.fromhex(leaf) for _, leaf in anchor.leaves) == seal.root
        )

    def _signed(self, signed: SignedSeal) -> bool:
        key = self._by_id.get(signed.seal.key_id)
        if key is None:
            return False
        try:
            signature = base64.b64decode(signed.signature, validate=True)
            Ed25519PublicKey.from_public_bytes(key).verify(signature, signed_bytes(signed.seal))
        except (InvalidSignature, binascii.Error):
            return False
        return True


def _follows(seal: LedgerSeal, before: LedgerSeal | None) -> bool:
    begins = before.last if before else RowPosition()
    return seal.previous == link_to(before) and seal.after == begins


def _compared(anchor: SealAnchor, rows: Sequence[LedgerRow]) -> Iterator[LedgerFinding]:
    number, sealed = anchor.signed.seal.number, dict(anchor.leaves)
    for row in rows:
        name = f"transfer {row.id}"
        leaf = sealed.pop(row.id, None)
        if leaf is None:
            message = f"{row.reference}: was not there when seal {number} was made"
            yield LedgerFinding(kind=FindingKind.ROW_ADDED, subject=name, message=message)
        elif leaf_of(row).hex() != leaf:
            message = f"{row.reference}: is not as seal {number} has it"
            yield LedgerFinding(kind=FindingKind.ROW_CHANGED, subject=name, message=message)
    for row_id in sealed:
        message = f"is under seal {number}, and gone"
        subject = f"transfer {row_id}"
        yield LedgerFinding(kind=FindingKind.ROW_DELETED, subject=subject, message=message)


def _of(kind: FindingKind, evidence: SealEvidence, message: str) -> LedgerFinding:
    return LedgerFinding(kind=kind, subject=f"seal {evidence.number}", message=message)


def _now() -> datetime:
    return datetime.now(UTC)
