"""One run between the supervisor and a sandbox process: what is to run, who serves it, its end."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from runner.processes.guest_report import GuestReport
from runner.processes.wire import Frame
from schema.contracts.run import RunLimits, RunPolicy


@dataclass(frozen=True)
class GuestRun:
    """What a sandbox process is to run: a request, opened."""

    module_digest: str
    entry: str
    bounds: RunLimits
    policy: RunPolicy = field(default_factory=RunPolicy)
    seed: str = "0" * 64
    clock_unix_ms: int = 0
    inputs: bytes = b""
    environment: bytes = b""
    """JSON object of the guest's variables; empty for none."""

    def as_order(self) -> Frame:
        """What the process is told."""
        head = {
            "do": "run",
            "digest": self.module_digest,
            "entry": self.entry,
            "bounds": self.bounds.model_dump(),
            "deterministic": self.policy.deterministic,
            "seed": self.seed,
            "clock_unix_ms": self.clock_unix_ms,
            "resources": self.policy.resources_digest,
            "network": bool(self.policy.net_allow),
        }
        return Frame(head, self.inputs, self.environment)


class Attendant(Protocol):
    """Whoever serves a guest while it runs."""

    def report_progress(self, report: dict[str, Any]) -> None:
        """Take a progress report; what it says is not trusted."""

    async def fetch(self, request: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """Send the guest's request to another host, if it may, and answer (head, body)."""


@dataclass(frozen=True)
class Finished:
    """A run that ended by itself or by its own limits, as the sandbox process reports it."""

    report: GuestReport
    output: bytes
    stderr: bytes
    artifacts: bytes = b""
    """The archive of what it left to be kept."""


@dataclass(frozen=True)
class Killed:
    """A run that took its process with it. Only clock and processor time are known of it.

    `code` is None when it was killed because it was asked to stop.
    """

    code: str | None
    wall_ms: int
    cpu_ms: int
    asleep: bool = False
    """It was waiting in a host call when its time was up."""
