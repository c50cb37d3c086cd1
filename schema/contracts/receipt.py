"""Receipts: what ran, on what, with what usage, at what price, as a signed statement.

The form is in-toto's: a statement about two subjects (package and module) with a predicate of our
own, in a DSSE envelope. docs/receipts.md has it whole.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from schema.contracts.actions import GitCommit
from schema.contracts.actions_record import ActionsRecord
from schema.contracts.base import Contract
from schema.contracts.cast import CastStatus, RunRecord
from schema.contracts.run import Usage
from schema.ids import CastId, Digest, SpellKey, Version
from schema.money import Currency, Micros

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:spell-platform:receipt:v1"
"""Names the meaning of `Receipt`; another meaning gets another number."""
PREDICATE_TYPE_WITH_ARTIFACTS = "urn:spell-platform:receipt:v2"
"""Of the receipts of spells that may leave artifacts: all of the first, and what they left."""
ACTIONS_PREDICATE_TYPE = "urn:spell-platform:actions-receipt:v1"
"""The same of `ActionsReceipt`."""
PAYLOAD_TYPE = "application/vnd.in-toto+json"
ENVELOPE_MEDIA_TYPE = "application/vnd.dsse.envelope.v1+json"
SIGNING_PURPOSE = "receipts"
"""Which of the platform's keys signs receipts."""

Base64 = Annotated[str, StringConstraints(max_length=256 * 1024)]


class ReceiptTransfer(Contract):
    """A movement of the ledger that the cast made; its reference is unique in the ledger."""

    reference: str
    kind: Literal["hold", "post", "fee", "void"]
    amount_micros: Micros


Salt = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""Hex. Only who has the receipt can compare a guess with the digests."""


class ReceiptRun(RunRecord):
    """What ran, and what its digests are salted with."""

    salt: Salt


class ActionsReceiptRun(ActionsRecord):
    """What ran on GitHub Actions, and what its digests are salted with."""

    salt: Salt


class CastReceipt(Contract):
    """What receipts of all modes say of a cast that has ended and of which something ran."""

    cast_id: CastId
    spell: SpellKey
    version: Version
    package_digest: Digest
    engine: str
    """Engine version and settings digest: what a replay must find again. Of an Actions run, whose
    machines are GitHub's, `github-actions`."""
    status: CastStatus
    code: str | None
    """Why it did not succeed: a code of the error catalogue."""
    usage: Usage
    hold_micros: Micros
    cost_micros: Micros
    currency: Currency
    transfers: list[ReceiptTransfer]
    created_at: AwareDatetime
    started_at: AwareDatetime
    finished_at: AwareDatetime


class Receipt(CastReceipt):
    """The predicate of a cast that the fleet ran."""

    run: ReceiptRun


class ActionsReceipt(CastReceipt):
    """The predicate of a cast that GitHub Actions ran."""

    run: ActionsReceiptRun


AnyReceipt = Receipt | ActionsReceipt


class SubjectDigest(Contract):
    """A digest as in-toto writes it: hex, by algorithm."""

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class CommitDigest(Contract):
    """A commit as in-toto writes it."""

    git_commit: GitCommit = Field(alias="gitCommit")


class Subject(Contract):
    """A thing that a statement is about."""

    name: str
    digest: SubjectDigest | CommitDigest


class Statement(Contract):
    """An in-toto Statement v1 with a receipt as its predicate."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: list[Subject]
    predicate_type: Literal["urn:spell-platform:receipt:v1", "urn:spell-platform:receipt:v2"] = (
        Field(alias="predicateType")
    )
    predicate: Receipt


class ActionsStatement(Contract):
    """An in-toto Statement v1 with the receipt of an Actions run as its predicate."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: list[Subject]
    predicate_type: Literal["urn:spell-platform:actions-receipt:v1"] = Field(alias="predicateType")
    predicate: ActionsReceipt


class EnvelopeSignature(Contract):
    """One signature of an envelope; the key id is a hint, not a proof."""

    keyid: str = ""
    sig: Base64


class Envelope(Contract):
    """A DSSE envelope: the signed bytes, what they are, and signatures over both."""

    payload: Base64
    payload_type: str = Field(alias="payloadType", max_length=256)
    signatures: Annotated[list[EnvelopeSignature], Field(min_length=1, max_length=16)]


class ReceiptKey(Contract):
    """A public key that checks receipts, as a JSON Web Key (RFC 8037)."""

    kid: str
    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    use: Literal["sig"] = "sig"
    x: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
    """The 32 bytes of the key, base64url without padding."""


class ReceiptKeys(Contract):
    """All public keys that receipts of this platform are checked by (a JSON Web Key Set)."""

    keys: list[ReceiptKey]


class Check(Contract):
    """One thing that was looked at: what the receipt says, and what was found."""

    name: str
    passed: bool
    signed: str
    found: str
