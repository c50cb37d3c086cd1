"""Faults on order, so that tests see what a network and a busy Stripe do."""

from collections import Counter

from infra.embedded.stripe.refusal import RefusedError

WEBHOOK = "webhook"
_OF_WEBHOOKS = frozenset({"lose", "duplicate", "late"})
_OF_REQUESTS = frozenset({"drop", "500", "500_after", "502", "409", "429"})
_TIMES_MAX = 10_000


class Faults:
    """How many times which fault strikes where.

    Places are paths such as `/v1/refunds`, and `webhook`.

    | place | kind | what happens |
    | a path, POST | `drop` | done, and kept under its key; the connection breaks, no answer |
    | | `500` | nothing is done, and the key answers 500 from then on |
    | | `500_after` | done, and the key answers 500 from then on |
    | | `409` | another request holds the object; nothing is done or kept |
    | a path | `502`, `429` | nothing is done or kept |
    | `webhook` | `lose`, `duplicate`, `late` | never sent, sent twice, overtaken by the next one |
    """

    def __init__(self) -> None:
        self._left: Counter[tuple[str, str]] = Counter()

    def order(self, place: str, kind: str, times: int) -> None:
        """Have a fault strike so many times from now on. Raises RefusedError: no such fault."""
        known = _OF_WEBHOOKS if place == WEBHOOK else _OF_REQUESTS
        if kind not in known or not 0 <= times <= _TIMES_MAX:
            message = f"{kind} does not strike {place}, or not so often."
            raise RefusedError(message)
        self._left[place, kind] = times

    def strikes(self, place: str, kind: str) -> bool:
        """Whether a fault strikes here and now; it is used up by that."""
        if not self._left[place, kind]:
            return False
        self._left[place, kind] -= 1
        return True

    def strike_before(self, place: str) -> None:
        """Fail before anything begins. Raises RefusedError."""
        if self.strikes(place, "502"):
            raise RefusedError("Bad gateway.", status=502, kind="api_error")
        if self.strikes(place, "429"):
            message = "Request rate limit exceeded."
            raise RefusedError(message, status=429, error_code="rate_limit")

    def strike_lock(self, place: str) -> None:
        """Fail as if another request held the object. Raises RefusedError."""
        if self.strikes(place, "409"):
            message = (
                "This object cannot be accessed right now because another API request or Stripe "
                "process is currently accessing it."
            )
            raise RefusedError(message, status=409, error_code="lock_timeout")
