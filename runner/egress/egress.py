"""The supervisor's handle on the network: asks the egress process, and replaces it when it dies."""

from runner.egress.messages import FetchAnswer, FetchBounds, FetchRequest


class Egress:
    """Fetches for guests. One per runner; many requests at a time."""

    async def start(self) -> None:
        """Start the egress process, so that the first request need not wait for it."""

    async def fetch(self, request: FetchRequest, bounds: FetchBounds) -> FetchAnswer:
        """Make a guest's request under the policy of its run.

        Never raises for what a guest or a server does: every failure is an answer with a
        `refusal`. Cancelling it ends the request on the network too.
        """
        del bounds
        return FetchAnswer(refusal="unreachable", subject=request.url[:253])

    async def close(self) -> None:
        """End the egress process. Requests in flight are answered `unreachable`."""
