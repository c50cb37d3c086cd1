"""The life of a cast, as messages: admission, the run, settlement, the result."""

import operator
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Discriminator, Field, StringConstraints, Tag

from schema import limits as platform
from schema.contracts.actions_record import ActionsRecord
from schema.contracts.artifacts import ArtifactName, KeptArtifact
from schema.contracts.base import Contract
from schema.contracts.plans import ActionsLimits, CastPlan, Mode, RunPlan
from schema.contracts.problem import Problem
from schema.contracts.run import (
    Outcome,
    RunLimits,
    RunPolicy,
    RunViolation,
    Stages,
    Target,
    Usage,
)
from schema.ids import (
    AccountId,
    AliasName,
    ApiKeyId,
    CastId,
    Digest,
    Fingerprint,
    SpellKey,
    Version,
)
from schema.money import Currency, Micros
from schema.pricing import Price


class CastStatus(StrEnum):
    """Where a cast is; the last four are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"


FINAL_STATUSES = frozenset(
    {CastStatus.SUCCEEDED, CastStatus.FAILED, CastStatus.TIMED_OUT, CastStatus.CANCELLED}
)


class Billing(StrEnum):
    """Where a cast's money is."""

    HELD = "held"
    SETTLED = "settled"
    RELEASED = "released"
    REFUNDED = "refunded"
    UNKNOWN = "unknown"


class EventKind(StrEnum):
    """Kinds of events in a cast's stream, in the order in which they can happen."""

    QUEUED = "queued"
    HELD = "held"
    RUNNING = "running"
    PROGRESS = "progress"
    STORING = "storing"
    SETTLED = "settled"
    FAILED = "failed"
    CANCELLED = "cancelled"


# JSON carries no larger integer exactly.
AtLeastOne = Annotated[int, Field(ge=1, le=2**53 - 1)]
AtLeastNone = Annotated[int, Field(ge=0, le=2**53 - 1)]


class CasterLimits(Contract):
    """Bounds that a caster sets on one cast, by the names of `RunLimits`.

    Each counts where it is below the manifest's. They lower the worst case, and so the hold.
    """

    fuel: AtLeastOne | None = None
    timeout_ms: AtLeastOne | None = None
    cpu_ms_max: AtLeastOne | None = None
    memory_bytes_max: AtLeastOne | None = None
    output_bytes_max: AtLeastOne | None = None
    host_calls_max: AtLeastOne | None = None
    scratch_bytes_max: AtLeastNone | None = None
    net_requests_max: AtLeastNone | None = None
    net_bytes_max: AtLeastNone | None = None
    artifacts_bytes_max: Annotated[AtLeastOne | None, Field(exclude_if=operator.not_)] = None
    """At least one: a spell that writes artifacts keeps the folder for them."""

    def tighten(self, limits: RunLimits) -> RunLimits:
        """The manifest's limits, each lowered to the caster's where that is lower."""
        wanted = self.model_dump(exclude_none=True)
        lower = {name: min(value, getattr(limits, name)) for name, value in wanted.items()}
        return limits.model_copy(update=lower)

    def tighten_actions(self, limits: ActionsLimits) -> ActionsLimits:
        """The same of a run on GitHub Actions, where only its time can be bounded."""
        timeout_ms = min(self.timeout_ms or limits.timeout_ms, limits.timeout_ms)
        # Below a second GitHub could not even be asked to stop.
        return limits.model_copy(update={"timeout_ms": max(timeout_ms, 1_000)})


class CastInput(Contract):
    """One request to run a published spell; the start input of `CastSpell`."""

    cast_id: CastId
    account_id: AccountId
    api_key_id: ApiKeyId
    fingerprint: Fingerprint
    """Keyed digest of the whole request body: same body, same fingerprint."""
    spell_key: SpellKey
    version: Version | AliasName | None = None
    """A version or an alias of one; None casts `latest`."""
    mode: Mode | None = None
    """None takes the manifest's first choice, or its fallback where that is not to be had."""
    inputs_json: Annotated[str, StringConstraints(max_length=4 * 1024 * 1024)]
    """RFC 8785 text of the inputs: exactly what the spell reads."""
    budget_cap_micros: Micros | None = None
    budget_cap_currency: Currency = "USD"
    limits: CasterLimits | None = None
    sealed_callback: Annotated[str, StringConstraints(max_length=4096)] | None = None
    """Base64 of the `callback_url`, encrypted under the account's key."""


class FellBack(Contract):
    """That a cast runs in its spell's declared fallback, and why not in the first choice."""

    first: Mode
    mode: Mode
    """The fallback, which was taken."""
    code: Annotated[str, Field(max_length=64)]
    """What was in the way of the first choice, by the error catalogue."""


class PlannedCast(Contract):
    """What a cast is going to run, and what it may run instead."""

    plan: CastPlan
    fallback: CastPlan | None = None
    """To take when `plan` turns out to be unavailable before it may have run."""
    fell_back: FellBack | None = None
    """Set when `plan` is the fallback already."""

    @property
    def worst_case_micros(self) -> int:
        """What the cast can cost at most, whichever of the two runs: its hold."""
        plans = [self.plan, *([self.fallback] if self.fallback else [])]
        return max(plan.worst_case_micros for plan in plans)

    def instead(self, problem: Problem) -> "PlannedCast | None":
        """The fallback, because of the problem; None when there is none."""
        if self.fallback is None:
            return None
        modes = {"first": self.plan.mode, "mode": self.fallback.mode}
        return PlannedCast(plan=self.fallback, fell_back=FellBack(**modes, code=problem.code))


class Admission(Contract):
    """The decision on a cast: a plan with a hold, or the problem that refuses it."""

    cast_id: CastId
    problem: Problem | None = None
    pending: PlannedCast | None = None
    """Nothing is decided yet: GitHub is asked first whether this can be dispatched."""
    plan: CastPlan | None = None
    fallback: CastPlan | None = None
    """What runs instead if `plan` is unavailable and cannot have run."""
    fell_back: FellBack | None = None
    currency: Currency = "USD"
    estimated_cost_micros: Micros = 0
    """Worst case from the declared limits; exactly the hold."""
    budget_remaining_micros: Micros = 0
    """What this account could still hold under its tightest cap after this cast's hold."""

    @property
    def accepted(self) -> bool:
        """Whether money is held and the cast goes on."""
        return self.problem is None


class CheckedCast(Contract):
    """Argument of the second half of an admission: what GitHub said of the plan."""

    request: CastInput
    planned: PlannedCast
    problem: Problem | None = None
    """None: it can be dispatched."""


class FallBackOrder(Contract):
    """Argument of the activity that changes a cast's mode before anything has run."""

    cast_id: CastId
    fell_back: FellBack


class AdmitRequest(Contract):
    """Argument of the `admit` update: proves that the caller asks for the cast that runs."""

    fingerprint: Fingerprint


class RunOrder(Contract):
    """Argument of the activity that has a plan run."""

    cast_id: CastId
    plan: RunPlan
    inputs_json: str
    seed: str | None = None
    """Of a replay, what the cast had; None makes the cast's own. The same with the clock."""
    clock_unix_ms: int | None = None


class StopOrder(Contract):
    """Argument of the activity that makes a run end now."""

    cast_id: CastId
    module_digest: Digest


class ArtifactDigest(Contract):
    """An artifact of a run, by its salted digest."""

    name: ArtifactName
    digest: Digest


class RunRecord(Contract):
    """What ran, exactly: enough to run it again and to compute its price again.

    Digests are over salt and content: those of small inputs could be guessed back otherwise
    (decision 2). The salt is derived when a receipt is read, and stored nowhere.
    """

    module_digest: Digest
    target: Target = Target.CORE
    entry: str
    limits: RunLimits
    policy: RunPolicy
    price: Price
    seed: str
    clock_unix_ms: int
    input_digest: Digest
    output_digest: Digest | None = None
    """None when the run gave no output in good order."""
    artifacts: Annotated[
        list[ArtifactDigest],
        Field(max_length=platform.ARTIFACTS_PER_CAST_MAX, exclude_if=operator.not_),
    ] = Field(default_factory=list)
    """What the run left besides its output, by name; not written when it left nothing."""


def _mode_of(record: Any) -> str:
    """Records of the fleet's runs do not say their mode: there was no other one."""
    if isinstance(record, dict):
        return str(record.get("mode", Mode.SERVICE))
    return str(getattr(record, "mode", Mode.SERVICE))


CastRecord = Annotated[
    Annotated[RunRecord, Tag(Mode.SERVICE.value)]
    | Annotated[ActionsRecord, Tag(Mode.WORKFLOW.value)],
    Discriminator(_mode_of),
]
"""What ran, in whatever mode."""


class RunOutcome(Contract):
    """What came of the run, after the output was checked and stored."""

    outcome: Outcome
    problem: Problem | None = None
    usage: Usage | None = None
    output_bytes: int = 0
    output_key: str | None = None
    """Where the output is kept, encrypted; only a success has one."""
    stderr_key: str | None = None
    artifacts: list[KeptArtifact] = Field(default_factory=list)
    """Besides the output: what else the run left, kept under the account's key."""
    engine: str = ""
    record: CastRecord | None = None
    """None when nothing ran."""
    violations: list[RunViolation] = Field(default_factory=list)
    stages: Stages | None = None


class SettleOrder(Contract):
    """Argument of settlement: what ran, and so what is due."""

    cast_id: CastId
    price: Price
    outcome: RunOutcome


class ReleaseOrder(Contract):
    """Argument of the undo of a hold: why the cast ends without a charge."""

    cast_id: CastId
    account_id: AccountId
    fingerprint: Fingerprint
    spell_key: SpellKey
    problem: Problem
    expired: bool = False
    """The hold outlived any cast: nobody undid anything, the reconciler found it."""


class CastResult(Contract):
    """How a cast ended; the result of `CastSpell` and of settlement."""

    cast_id: CastId
    status: CastStatus
    billing: Billing
    currency: Currency = "USD"
    cost_micros: Micros = 0
    problem: Problem | None = None
    told: bool = False
    """Whether there is a webhook message that tells of it."""


class CancelResult(Contract):
    """Answer of the `cancel` update: how the cast ended, and whether the cancel was in time."""

    accepted: bool
    """False when it came too late to stop the run: the cast ended as it ran."""
    result: CastResult


class CastProgress(Contract):
    """Answer of the `status` query."""

    stage: Annotated[str, Field(max_length=32)]
    admission: Admission | None = None
    cancel_requested: bool = False
