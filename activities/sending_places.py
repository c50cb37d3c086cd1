"""How much is sent at a time: for one receiver, and for one account."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class NoPlaceError(Exception):
    """As much is being sent there as may be."""


class SendingPlaces:
    """Counts what this process sends. Nobody waits in here: who has no place comes again.

    Args:
        per_target: to one endpoint, or to one account's callbacks.
        per_account: to everything of one account.
    """

    def __init__(self, per_target: int, per_account: int) -> None:
        self._per_target = per_target
        self._per_account = per_account
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, account_id: str, target: str) -> Iterator[None]:
        """Hold a place of both. Raises NoPlaceError."""
        places = {account_id: self._per_account, f"{account_id} {target}": self._per_target}
        if any(self._taken[name] >= most for name, most in places.items()):
            raise NoPlaceError
        self._taken.update(places.keys())
        try:
            yield
        finally:
            self._taken.subtract(places.keys())
            self._taken += Counter()  # forgets those that are at nought
