"""What the control plane and the runner say to each other over JetStream.

The runner's trust level is lower than ours: these models carry no credential, inputs travel
sealed to the runner fleet's public key and outputs sealed to the platform's (decision 11).
"""

import json
import operator
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, PositiveInt, field_validator

from schema import limits as platform
from schema.contracts.base import Contract
from schema.ids import CastId, Digest
from schema.violations import ViolationKind

Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
ProcessName = Annotated[str, Field(max_length=128, pattern=r"^[ -~]*$")]
"""What a runner or an engine calls itself: it is stored and shown, so printable ASCII."""


RUN_SCHEMA_VERSION = 4
"""Version of RunRequest and Verdict. A runner gives back what is newer than itself."""
_VERSION_WITHOUT_ARTIFACTS = 3


class Target(StrEnum):
    """What kind of program a module is."""

    CORE = "wasm32-wasip1"
    COMPONENT = "wasm32-wasip2"


class RunLimits(Contract):
    """The bounds of one run: the manifest's, within the platform's maxima and the caster's."""

    fuel: Annotated[int, Field(ge=1, le=platform.FUEL_MAX)]
    timeout_ms: Annotated[int, Field(ge=1, le=platform.TIMEOUT_MS_MAX)]
    memory_bytes_max: Annotated[int, Field(ge=1, le=platform.MEMORY_MB_MAX * platform.MIB)]
    output_bytes_max: Annotated[int, Field(ge=1, le=platform.OUTPUT_MB_MAX * platform.MIB)]
    stderr_bytes_max: Annotated[int, Field(ge=1, le=platform.STDERR_BYTES_MAX)] = (
        platform.STDERR_BYTES_MAX
    )
    cpu_ms_max: Annotated[int, Field(ge=1, le=platform.TIMEOUT_MS_MAX)] = platform.TIMEOUT_MS_MAX
    """Processor time; one that is not below `timeout_ms` bounds nothing."""
    host_calls_max: Annotated[int, Field(ge=1, le=platform.HOST_CALLS_MAX)] = (
        platform.HOST_CALLS_DEFAULT
    )
    scratch_bytes_max: Annotated[int, Field(ge=0, le=platform.SCRATCH_MB_MAX * platform.MIB)] = 0
    net_requests_max: Annotated[int, Field(ge=0, le=platform.NET_REQUESTS_MAX)] = 0
    net_bytes_max: Annotated[int, Field(ge=0, le=platform.NET_MB_MAX * platform.MIB)] = 0
    """Request and response bytes together, heads included."""
    artifacts_bytes_max: Annotated[
        int, Field(ge=0, le=platform.RUN_ARTIFACTS_MB_MAX * platform.MIB, exclude_if=operator.not_)
    ] = 0
    """Quota of `/artifacts`; 0: there is no such folder. Not written then, so that older runners
    read what does not concern them, and older receipts keep their bytes."""


class RunPolicy(Contract):
    """What a run may reach besides its inputs: the manifest's `[runtime.policy]`."""

    deterministic: bool = True
    """Clock, random numbers and sleep are made from the run's seed, so that it replays."""
    retry_safe: bool = False
    """A run that uses the network may be started again after its runner was lost."""
    net_allow: list[str] = Field(default_factory=list)
    env_vars: list[str] = Field(default_factory=list)
    fs_read: list[str] = Field(default_factory=list)
    scratch: bool = False
    resources_digest: Digest | None = None
    """Of the canonical tar that holds what `fs_read` names; fetched like a module."""

    @property
    def at_most_once(self) -> bool:
        """Whether a second start could repeat an effect outside (decision 4)."""
        return bool(self.net_allow) and not self.retry_safe


class Usage(Contract):
    """What one run used, as metered by the runner."""

    fuel: Count
    wall_ms: Count
    cpu_ms: Count
    memory_bytes_peak: Count
    input_bytes: Count
    output_bytes: Count
    stderr_bytes: Count
    host_calls: Count = 0
    scratch_bytes_peak: Count = 0
    net_requests: Count = 0
    net_bytes: Count = 0
    artifact_bytes: Annotated[Count, Field(exclude_if=operator.not_)] = 0
    """Contents of the files that a success left below `/artifacts`."""


class RunViolation(Contract):
    """One kind of violation in a run, and how often."""

    kind: ViolationKind
    subject: Annotated[str, Field(max_length=253)] = ""
    """The host or path that was asked for; never content."""
    count: Annotated[int, Field(ge=1)] = 1


class Stages(Contract):
    """Where the time of a run went, in microseconds."""

    queued_us: Count = 0
    """From the queue's own clock when the run was put there to the runner taking it."""
    prepare_us: Count = 0
    """Inputs opened, a sandbox process had, the module warm in it."""
    run_us: Count = 0
    """The order to the sandbox process and its answer; the guest itself is `usage.wall_ms`."""


class RunRequest(Contract):
    """One message on `run.<module sha256>.<account>`: everything a runner needs to run one cast.

    Headers carry no meaning; the body is this model as JSON.
    """

    schema_version: PositiveInt = RUN_SCHEMA_VERSION
    cast_id: CastId
    package_digest: Digest | None = None
    """Runners know revoked packages by it; None from a platform that does not say it yet."""
    module_digest: Digest
    target: Target = Target.CORE
    entry: str
    limits: RunLimits
    policy: RunPolicy = RunPolicy()
    seed: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = "0" * 64
    """Hex of 32 bytes: what a deterministic run's random numbers are made of."""
    clock_unix_ms: Count = 0
    """What a deterministic run's clock starts at."""
    sealed_inputs: str
    """Base64 of the canonical input JSON, in a libsodium sealed box for the runner fleet."""
    sealed_environment: str | None = None
    """The same of a JSON object: the variables that `policy.env_vars` names, with values."""
    reply_public_key: str
    """Base64 X25519 key that the output and the error stream are sealed to."""
    expires_at_unix: PositiveInt
    """Unix seconds after which nobody waits for this run any more; a runner drops it then."""


def request_version(limits: RunLimits) -> int:
    """The oldest version whose runners can do all of a run: a fleet is upgraded one by one."""
    return RUN_SCHEMA_VERSION if limits.artifacts_bytes_max else _VERSION_WITHOUT_ARTIFACTS


class RunClaim(Contract):
    """What a runner says before it starts a run that must start at most once, on `claim.<cast id>`.

    The first one is accepted. Runner and delivery tell a runner its own claim, whose answer was
    lost, from another's.
    """

    cast_id: CastId
    runner_id: str
    delivery: PositiveInt


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

    schema_version: PositiveInt = RUN_SCHEMA_VERSION
    cast_id: CastId
    outcome: Outcome
    code: str | None = None
    details: dict[str, Any] = Field(default_factory=dict)
    usage: Usage | None = None
    sealed_output: str | None = None
    """Base64 sealed box of the stdout bytes."""
    sealed_artifacts: Annotated[str | None, Field(exclude_if=operator.not_)] = None
    """Base64 sealed box of a canonical tar: what a success left below `/artifacts`."""
    sealed_stderr: str | None = None
    """Base64 sealed box of the captured error stream."""
    runner_id: ProcessName = ""
    engine: ProcessName = ""
    """Engine version and settings digest, for replays."""
    violations: list[RunViolation] = Field(default_factory=list, max_length=platform.VIOLATIONS_MAX)
    stages: Stages = Stages()

    @field_validator("details")
    @classmethod
    def _bound_details(cls, details: dict[str, Any]) -> dict[str, Any]:
        if len(json.dumps(details)) > platform.VERDICT_DETAILS_BYTES_MAX:
            raise ValueError("the details are larger than any runner's")
        return details

    clock_unix_ms: Count = 0
    """What the run's clock started at, as its request said: a run may be asked for twice."""


class DeadReason(StrEnum):
    """Why a run is dead; the last part of its subject."""

    UNREADABLE = "unreadable"
    LOST = "lost"


class DeadRun(Contract):
    """What operators can know of a run that the fleet gave up on, on `dead.<reason>`.

    It holds no inputs. An unreadable message is quoted from its beginning, where its version and
    its cast are; all that it could hold of inputs is sealed.
    """

    reason: DeadReason
    cast_id: CastId | None = None
    """None of an unreadable message that does not even say so."""
    runner_id: str
    deliveries: PositiveInt
    cause: Annotated[str, Field(max_length=500)]
    message_bytes: Count | None = None
    message_head: Annotated[str, Field(max_length=4096)] | None = None
