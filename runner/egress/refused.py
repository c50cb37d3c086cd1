"""The one way in which a request ends without a response."""

from runner.egress.messages import Refusal


class RefusedError(Exception):
    """There is no response for the guest.

    Args:
        refusal: why.
        host: what was asked for; empty when that is the host in hand.
    """

    def __init__(self, refusal: Refusal, host: str = "") -> None:
        super().__init__(f"{refusal}: {host}")
        self.refusal: Refusal = refusal
        self.host = host
