"""What the control plane and the runner say to each other over JetStream.

The runner's trust level is lower than ours: these models carry no credential, inputs travel
sealed to the runner fleet's public key and outputs sealed to the platform's (decision 11).
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, PositiveInt

from schema import limits as platform
from schema.contracts.base import Contract
from schema.ids import CastId, Digest

Count = Annotated[int, Field(ge=0, le=2**63 - 1)]


class RunLimits(Contract):
    """The bounds of one run: the manifest's, within the platform's maxima."""

    fuel: Annotated[int, Field(ge=1, le=platform.FUEL_MAX)]
    timeout_ms: Annotated[int, Field(ge=1, le=platform.TIMEOUT_MS_MAX)]
    memory_bytes_max: Annotated[int, Field(ge=1, le=platform.MEMORY_MB_MAX * platform.MIB)]
    output_bytes_max: Annotated[int, Field(ge=1, le=platform.OUTPUT_MB_MAX * platform.MIB)]
    stderr_bytes_max: Annotated[int, Field(ge=1, le=platform.STDERR_BYTES_MAX)] = (
        platform.STDERR_BYTES_MAX
    )


class Usage(Contract):
    """What one run used, as metered by the runner."""

    fuel: Count
    wall_ms: Count
    cpu_ms: Count
    memory_bytes_peak: Count
    input_bytes: Count
    output_bytes: Count
    stderr_bytes: Count


class RunRequest(Contract):
    """One message on `run.<module sha256>`: everything a runner needs to run one cast.

    Headers carry no meaning; the body is this model as JSON.
    """

    schema_version: PositiveInt = 1
    cast_id: CastId
    module_digest: Digest
    entry: str
    limits: RunLimits
    sealed_inputs: str
    """Base64 of the canonical input JSON, in a libsodium sealed box for the runner fleet."""
    reply_public_key: str
    """Base64 X25519 key that the output and the error stream are sealed to."""
    expires_at_unix: PositiveInt
    """Unix seconds after which nobody waits for this run any more; a runner drops it then."""


class Outcome(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"


class Verdict(Contract):
    """The one accepted end of a cast's run, on `verdict.<cast id>` (decision 4).

    `outcome` is `succeeded` with `sealed_output`, or another with `code` from the catalogue.
    `usage` is None when nothing ran (cancelled in the queue, lost): then nothing is charged.
    """

    schema_version: PositiveInt = 1
    cast_id: CastId
    outcome: Outcome
    code: str | None = None
    details: dict[str, Any] = Field(default_factory=dict)
    usage: Usage | None = None
    sealed_output: str | None = None
    """Base64 sealed box of the stdout bytes."""
    sealed_stderr: str | None = None
    """Base64 sealed box of the captured error stream."""
    runner_id: str = ""
    engine: str = ""
    """Engine version and settings digest, for replays."""
