"""The guest's way to other hosts: each request is asked of the supervisor, and counted.

The policy itself is enforced by the egress process, and the supervisor keeps counts of its own;
what is counted here tells the guest, at once, that it has used up its share.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from runner.sandbox.wasi.abi import Errno, WasiError
from schema.violations import ViolationKind

Ask = Callable[[dict[str, Any], bytes], tuple[dict[str, Any], bytes]]
"""Sends one request to the supervisor and waits for its answer: (head, body) both ways."""

_ERRNO_OF_REFUSAL = {
    "denied": Errno.ACCES,
    "limit": Errno.NOSPC,
    "invalid": Errno.INVAL,
    "unreachable": Errno.HOSTUNREACH,
}
_VIOLATION_OF_REFUSAL = {
    "denied": ViolationKind.NET_DENIED,
    "limit": ViolationKind.NET_LIMIT,
}


class RelayedNetwork:
    """One run's share of the network.

    Args:
        ask: the way to the supervisor.
        requests_max: how many requests it may send.
        on_violation: told what was refused, and the host.
    """

    def __init__(
        self, ask: Ask, requests_max: int, on_violation: Callable[[ViolationKind, str], None]
    ) -> None:
        self._ask = ask
        self._requests_max = requests_max
        self._on_violation = on_violation
        self.requests = 0
        self.bytes_used = 0
        self.waited_ns = 0

    def fetch(self, head: bytes, body: bytes) -> bytes:
        """The response: a line of JSON, then the body.

        Raises:
            WasiError: ACCES, NOSPC, INVAL, HOSTUNREACH.
        """
        request = _parse(head)
        if self.requests >= self._requests_max:
            self._on_violation(ViolationKind.NET_LIMIT, "")
            raise WasiError(Errno.NOSPC)
        self.requests += 1
        before = time.monotonic_ns()
        answer, content = self._ask(request, body)
        self.waited_ns += time.monotonic_ns() - before
        self.bytes_used += int(answer.get("bytes_used", 0))
        refusal = answer.get("refusal")
        if refusal is not None:
            if refusal in _VIOLATION_OF_REFUSAL:
                self._on_violation(_VIOLATION_OF_REFUSAL[refusal], str(answer.get("subject", "")))
            raise WasiError(_ERRNO_OF_REFUSAL.get(refusal, Errno.IO))
        line = {name: answer[name] for name in ("status", "url", "headers")}
        return json.dumps(line, separators=(",", ":")).encode() + b"\n" + content


def _parse(head: bytes) -> dict[str, Any]:
    """The request as the guest wrote it, its form checked; its meaning is for the policy."""
    try:
        request = json.loads(head)
        headers = request.get("headers", [])
        parsed = {
            "method": _text(request["method"]),
            "url": _text(request["url"]),
            "headers": [[_text(name), _text(value)] for name, value in headers],
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WasiError(Errno.INVAL) from error
    return parsed


def _text(value: Any) -> str:
    """A member of a request. What is no text could grow, as one, beyond what a frame holds."""
    if not isinstance(value, str):
        raise TypeError
    value.encode()  # escapes may have made half a character, which is no text
    return value
