"""The ledger's seals, what a look through the books finds, and statements, as messages."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from schema.contracts.base import Contract
from schema.money import Currency

Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Signature = Annotated[str, StringConstraints(max_length=128)]
SEAL_ROWS_MAX = 5_000
"""Rows under one root: what a sealer, an anchor and a verifier hold in memory."""


class RowPosition(Contract):
    """Where a row is in the order of sealing: by its transaction's id, then by its own."""

    transaction_id: int = 0
    id: int = 0


class LedgerSeal(Contract):
    """What is signed: the Merkle root over the rows after one position up to another."""

    version: Literal["ledger-seal-v1"] = "ledger-seal-v1"
    number: Annotated[int, Field(ge=1)]
    """Counts up from 1 without gaps."""
    previous: Hash
    """SHA-256 of the seal before, as it was signed; zeros for the first."""
    after: RowPosition
    last: RowPosition
    rows: Annotated[int, Field(ge=1)]
    root: Hash
    sealed_at: AwareDatetime
    key_id: str


class SignedSeal(Contract):
    """A seal with its signature: base64 of Ed25519 over DSSE's pre-authentication encoding."""

    seal: LedgerSeal
    signature: Signature


class SealAnchor(Contract):
    """What object storage keeps of a seal: with it a row that was tampered with has a name."""

    signed: SignedSeal
    leaves: Annotated[list[tuple[int, Hash]], Field(max_length=SEAL_ROWS_MAX)]
    """Each row's id and leaf hash, in the order of sealing."""


class SealReport(Contract):
    """What one look of the sealer did."""

    seals: int
    rows: int


class FindingKind(StrEnum):
    """What can be wrong with the books."""

    ROW_CHANGED = "row_changed"
    ROW_DELETED = "row_deleted"
    ROW_ADDED = "row_added"
    ROW_AHEAD = "row_ahead"
    """A row of a transaction that has not begun: nobody could seal it."""
    SEAL_MISSING = "seal_missing"
    SEAL_CHANGED = "seal_changed"
    SEAL_LINK = "seal_link"
    SEAL_SIGNATURE = "seal_signature"
    SEAL_ROOT = "seal_root"
    ANCHOR_MISSING = "anchor_missing"
    ANCHOR_CHANGED = "anchor_changed"
    TRANSACTIONS_BEHIND = "transactions_behind"
    """The database's transaction ids are below sealed ones: it was restored from a dump."""
    SUM_NOT_ZERO = "sum_not_zero"
    BALANCE_NEGATIVE = "balance_negative"
    BALANCE_DIFFERS = "balance_differs"
    HOLD_ORPHAN = "hold_orphan"
    HOLD_OVERDUE = "hold_overdue"
    CAST_DIFFERS = "cast_differs"
    PURCHASE_DIFFERS = "purchase_differs"


class LedgerFinding(Contract):
    """One thing that is wrong, with the name of what it is about."""

    kind: FindingKind
    subject: str
    message: str


class VerificationPart(StrEnum):
    """The parts of a verification, in the order in which they are gone through."""

    SEALS = "seals"
    ACCOUNTS = "accounts"
    CASTS = "casts"
    PURCHASES = "purchases"


class UnsealedTail(Contract):
    """What no seal covers yet."""

    rows: int
    """Counted up to a bound."""
    seconds: float
    """The age of its oldest row; 0 without one."""


class VerificationPage(Contract):
    """What one step of a verification found; the next one begins at `next_cursor`."""

    part: VerificationPart
    checked: int
    """Seals, ledger accounts, casts or purchases."""
    rows: int = 0
    """Transfers compared with their leaves."""
    findings: list[LedgerFinding]
    sums: dict[Currency, int] = Field(default_factory=dict)
    """Balances of these accounts, by currency, of finished transactions: zero over all pages."""
    tail: UnsealedTail | None = None
    """On the last page of the seals."""
    last: SignedSeal | None = None
    """On the last page of the seals: worth keeping elsewhere."""
    next_cursor: str | None = None


class StatementPosition(Contract):
    """Where a line is: by its transfer, then by its side."""

    id: int = 0
    side: Annotated[int, Field(ge=0, le=1)] = 1


class StatementLine(Contract):
    """One transfer, as the account that it touched sees it."""

    id: int
    kind: str
    account: str
    """The ledger account that it touched."""
    other: str
    """What kind of account was on the other side."""
    currency: Currency
    amount_micros: int
    """What it added: negative when it took something away."""
    reference: str | None = None
    cast_id: str | None = None
    """With the reference, of own casts: a maker does not learn who cast."""
    created_at: datetime


class LedgerBalance(Contract):
    """What a ledger account holds: credits minus debits."""

    account: str
    kind: str
    currency: Currency
    balance_micros: int


class StatementBalance(LedgerBalance):
    """What a ledger account held when the period began and when it ended."""

    opening_micros: int


class TransferFacts(Contract):
    """All that a row of the ledger says: what its leaf is made of."""

    id: int
    reference: str
    kind: str
    debit_account_id: str
    credit_account_id: str
    currency: Currency
    amount_micros: int
    cast_id: str | None
    created_at: AwareDatetime
    transaction_id: int


class TransferProof(Contract):
    """That a transfer is in the ledger, for whoever has the platform's public key."""

    transfer: TransferFacts
    index: Annotated[int, Field(ge=0)]
    """The leaf's place under its seal."""
    path: Annotated[list[Hash], Field(max_length=32)]
    """The audit path of RFC 6962, from the leaf up."""
    signed: SignedSeal
