"""Stand-ins for what serves a guest while it runs."""

from typing import Any

from runner.egress.messages import FetchAnswer, FetchBounds, FetchRequest


class Bystander:
    """Keeps what a guest reports; answers its requests with what the test put there."""

    def __init__(self) -> None:
        self.progress: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.answer: tuple[dict[str, Any], bytes] = ({"refusal": "denied", "bytes_used": 0}, b"")

    def report_progress(self, report: dict[str, Any]) -> None:
        self.progress.append(report)

    async def fetch(self, request: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        self.requests.append({**request, "body": body})
        return self.answer


class NoEgress:
    """A network that leads nowhere."""

    async def fetch(self, request: FetchRequest, bounds: FetchBounds) -> FetchAnswer:
        del request, bounds
        return FetchAnswer(refusal="unreachable")


class NoNetworkUse:
    """What a run without a network used of it."""

    net_requests = 0
    net_bytes = 0
