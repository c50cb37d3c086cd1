"""Running again what a receipt says ran, to see whether the same comes out (decision 15)."""

from typing import Annotated

from pydantic import Field, StringConstraints

from schema import limits
from schema.contracts.base import Contract
from schema.contracts.cast import (
    ArtifactDigest,
    CastStatus,
)
from schema.contracts.plans import RunPlan
from schema.contracts.receipt import Check, ReceiptRun
from schema.contracts.run import Usage
from schema.ids import CastId, Digest

InputsJson = Annotated[str, StringConstraints(max_length=limits.INPUTS_BYTES_MAX)]


class ReplayRequest(Contract):
    """One line on the standard input of `python -m runner.replay`."""

    cast_id: CastId
    engine: str
    """The engine that it must run on; another one refuses."""
    record: ReceiptRun
    module_base64: str
    resources_base64: str | None = None
    """The tar whose digest is `policy.resources_digest`."""
    inputs_json: InputsJson
    reveal: bool = False
    """Answer with what it wrote, too: for makers, who test on inputs of their own."""


class Replayed(Contract):
    """What came out of a replay."""

    engine: str
    status: CastStatus
    code: str | None = None
    usage: Usage | None = None
    output_digest: Digest | None = None
    artifacts: list[ArtifactDigest] = Field(default_factory=list)
    output_base64: str | None = None
    """Only where the request says `reveal`, as the next one."""
    error_stream: str | None = None


class ReplayAnswer(Contract):
    """One line on the standard output of `python -m runner.replay`."""

    replayed: Replayed | None = None
    refusal: str | None = None
    """Why it did not run here; then `replayed` is None."""


class ReplayInput(Contract):
    """A caster's request to replay a cast on the platform; the start input of `ReplayCast`."""

    cast_id: CastId
    inputs_json: InputsJson


class ReplayPlan(Contract):
    """What a replay runs: the cast's own plan, seed and clock, as a run with an id of its own."""

    cast_id: CastId
    run_id: CastId
    """What the bus and the runners know the replay by: formed like a cast's id, but none."""
    plan: RunPlan
    inputs_json: InputsJson
    seed: str
    clock_unix_ms: int


class ReplayReport(Contract):
    """Whether a replay gave the same, and every figure that was compared."""

    cast_id: CastId
    matches: bool
    checks: list[Check] = Field(default_factory=list)
