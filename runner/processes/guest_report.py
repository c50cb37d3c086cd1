"""What a sandbox process says of a run, checked: it is not trusted to say only what it may."""

from typing import Any, Literal

from pydantic import Field

from schema import limits
from schema.contracts.base import Contract
from schema.contracts.run import Count, RunViolation

GuestCode = Literal[
    "SPELL_FAILED",
    "SPELL_TRAPPED",
    "FUEL_EXHAUSTED",
    "TIME_EXCEEDED",
    "MEMORY_EXCEEDED",
    "STACK_EXHAUSTED",
    "OUTPUT_TOO_LARGE",
    "CPU_EXCEEDED",
    "HOST_CALLS_EXCEEDED",
    "SCRATCH_EXCEEDED",
    "NETWORK_DENIED",
    "NETWORK_LIMIT_EXCEEDED",
]
"""The only ends that a sandbox process may report; the others are the supervisor's to say."""


class GuestReport(Contract):
    """The members that `runner/sandbox/child.py` sends."""

    code: GuestCode | None
    details: dict[str, Any]
    fuel: Count
    wall_ms: Count
    cpu_ms: Count
    waited_ms: Count = 0
    """Part of the wall time in which the guest slept or waited for the network."""
    memory_bytes_peak: Count
    output_bytes: Count
    stderr_bytes: Count
    host_calls: Count = 0
    scratch_bytes_peak: Count = 0
    artifact_bytes: Count = 0
    violations: list[RunViolation] = Field(default_factory=list, max_length=limits.VIOLATIONS_MAX)
