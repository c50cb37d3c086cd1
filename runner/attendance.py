"""Serves one run while its guest runs: progress goes out, requests go through the egress process.

What a sandbox process says of its own network use is not believed: the counts that are charged,
and the limits, are kept here.
"""

import time
from collections.abc import Callable
from typing import Any, Protocol

from pydantic import ValidationError

from runner.egress.messages import FetchAnswer, FetchBounds, FetchRequest
from runner.redaction import Redaction
from schema.contracts.run import RunLimits, RunPolicy


class Egress(Protocol):
    """The way to other hosts."""

    async def fetch(self, request: FetchRequest, bounds: FetchBounds) -> FetchAnswer:
        """The response, or why there is none. Never raises."""


class Attendance:
    """One run's attendant (port Attendant of the sandbox process).

    Args:
        limits: of the run.
        policy: of the run.
        egress: how requests leave.
        redaction: takes secrets out of what is passed on.
        on_progress: called with each report.
    """

    def __init__(
        self,
        limits: RunLimits,
        policy: RunPolicy,
        egress: Egress,
        redaction: Redaction,
        on_progress: Callable[[dict[str, Any]], None],
    ) -> None:
        self._limits = limits
        self._policy = policy
        self._egress = egress
        self._redaction = redaction
        self._on_progress = on_progress
        self._ends_at = time.monotonic() + limits.timeout_ms / 1000
        self.net_requests = 0
        self.net_bytes = 0

    def report_progress(self, report: dict[str, Any]) -> None:
        """Pass a progress report on, without secrets."""
        self._on_progress(self._redaction.of_json(report))

    async def fetch(self, request: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """Have the guest's request executed within what is left of its limits."""
        try:
            wanted = FetchRequest.model_validate({**request, "body": body})
        except ValidationError:
            answer = FetchAnswer(refusal="invalid")
        else:
            answer = await self._ask(wanted)
        return answer.model_dump(mode="json", exclude={"body"}), answer.body

    async def _ask(self, request: FetchRequest) -> FetchAnswer:
        bytes_left = self._limits.net_bytes_max - self.net_bytes
        seconds_left = self._ends_at - time.monotonic()
        if self.net_requests >= self._limits.net_requests_max or min(bytes_left, seconds_left) <= 0:
            return FetchAnswer(refusal="limit")
        self.net_requests += 1
        bounds = FetchBounds(
            net_allow=self._policy.net_allow, bytes_max=bytes_left, seconds_max=seconds_left
        )
        answer = await self._egress.fetch(request, bounds)
        self.net_bytes += min(answer.bytes_used, bytes_left)
        return answer
