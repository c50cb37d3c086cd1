"""What readers get: spells and casts as the API and the CLI show them."""

from datetime import datetime
from typing import Any

from pydantic import Field

from schema.contracts.base import Contract
from schema.contracts.bill import BillFamily
from schema.contracts.cast import (
    Billing,
    CastStatus,
    EventKind,
    FellBack,
)
from schema.contracts.plans import ActionsTarget, CloneOffer, Mode
from schema.contracts.problem import Problem
from schema.contracts.publish import VersionState
from schema.contracts.revocation import RevokedBy
from schema.contracts.run import RunLimits, RunViolation, Stages, Usage
from schema.contracts.supply_chain import Evidence, Reason, Signer
from schema.contracts.suspension import SuspensionView
from schema.ids import ApiKeyId, CastId, Digest, SpellKey, Version
from schema.money import Currency
from schema.pricing import Price


class SpellSummary(Contract):
    """A spell in a list: its newest published version."""

    key: SpellKey
    name: str
    description: str
    version: Version
    mode: Mode
    """The first choice."""
    modes: tuple[Mode, ...] = (Mode.SERVICE,)
    """All that are offered."""
    price: Price
    published_at: datetime


class VersionView(Contract):
    """One version of a spell, whole."""

    key: SpellKey
    version: Version
    state: VersionState
    package_digest: Digest
    module_digest: Digest | None = None
    """None, with size and limits, when mode service is not offered."""
    module_bytes: int | None = None
    mode: Mode
    """The first choice."""
    modes: tuple[Mode, ...] = (Mode.SERVICE,)
    """All that are offered."""
    fallback: Mode | None = None
    """What a cast takes when the first choice is not to be had."""
    limits: RunLimits | None = None
    actions: ActionsTarget | None = None
    """Where it runs on GitHub Actions."""
    clone: CloneOffer | None = None
    """What can be bought."""
    price: Price
    """Of a cast; of the copy, when clone is all that is offered."""
    worst_case_cost_micros: int
    """What one cast can cost at most, from the declared limits: its hold by default."""
    worst_case_by_mode: dict[Mode, int] = Field(default_factory=dict)
    manifest: dict[str, Any]
    schemas: dict[str, Any] | None = None
    """None when clone is all that is offered."""
    verified: bool
    evidence: Evidence
    reasons: list[Reason]
    signer: Signer | None = None
    suspension: SuspensionView | None = None
    """Of the whole spell: it takes no new casts."""
    revoked: RevokedBy | None = None
    """What it rests on is not trusted any more: it is neither cast nor run."""
    published_at: datetime


class BillView(Contract):
    """A version's bill of materials, as one document."""

    family: BillFamily
    content: bytes


class CastView(Contract):
    """One cast as its caster sees it."""

    cast_id: CastId
    spell: SpellKey
    version: Version
    mode: Mode
    """The one that it took: after a fallback, that."""
    fell_back: FellBack | None = None
    status: CastStatus
    billing: Billing
    currency: Currency
    estimated_cost_micros: int
    cost_micros: int
    api_key_id: ApiKeyId
    usage: Usage | None = None
    problem: Problem | None = None
    violations: list[RunViolation] = Field(default_factory=list)
    stages: Stages | None = None
    engine: str | None = None
    output_kept: bool = False
    """Whether its output has not been deleted."""
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None


class EventView(Contract):
    """One event of a cast's stream; `seq` counts up from 1 without gaps."""

    seq: int
    kind: EventKind
    data: dict[str, Any]
    created_at: datetime


class TransferView(Contract):
    """One movement of the ledger that belongs to a cast."""

    reference: str
    kind: str
    debit_account_id: str
    credit_account_id: str
    currency: Currency
    amount_micros: int
    created_at: datetime
