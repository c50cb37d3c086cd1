"""Faults on order, so that tests see what a network and a busy Stripe do."""

from collections import Counter

KINDS = frozenset({"drop", "500", "429", "lose", "duplicate", "late"})


class Faults:
    """How many times which fault strikes where.

    Places are paths such as `/v1/refunds`, where `drop` (answered, but never heard), `500` and
    `429` strike, and `webhook`, where `lose`, `duplicate` and `late` do.
    """

    def __init__(self) -> None:
        self._left: Counter[tuple[str, str]] = Counter()

    def order(self, place: str, kind: str, times: int) -> None:
        """Have a fault strike so many times from now on."""
        self._left[place, kind] = times

    def strikes(self, place: str, kind: str) -> bool:
        """Whether a fault strikes here and now; it is used up by that."""
        if not self._left[place, kind]:
            return False
        self._left[place, kind] -= 1
        return True
