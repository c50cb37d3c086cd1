"""How many event streams one process serves at a time, and how many of them to one account."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from schema.errors import SpellError

_RETRY_AFTER_SECONDS = 5


class StreamSlots:
    """Lets in who follows, for as long as they do.

    Args:
        streams_max: of all accounts.
        per_account_max: of one account.
    """

    def __init__(self, *, streams_max: int, per_account_max: int) -> None:
        self._streams_max = streams_max
        self._per_account_max = per_account_max
        self._held: Counter[str] = Counter()

    @property
    def held(self) -> int:
        """Streams that are open now."""
        return self._held.total()

    @contextmanager
    def slot(self, account_id: str) -> Iterator[None]:
        """Hold a slot inside the block.

        Raises:
            SpellError: TOO_MANY_STREAMS, of this account; SERVICE_UNAVAILABLE, of all accounts.
        """
        self._check_room_for(account_id)
        self._held[account_id] += 1
        try:
            yield
        finally:
            self._held[account_id] -= 1
            if not self._held[account_id]:
                del self._held[account_id]

    def _check_room_for(self, account_id: str) -> None:
        if self._held[account_id] >= self._per_account_max:
            details = {"streams_max": self._per_account_max}
            raise SpellError("TOO_MANY_STREAMS", details=details, retry_after=_RETRY_AFTER_SECONDS)
        if self._held.total() >= self._streams_max:
            message = "This process serves as many event streams as it may."
            raise SpellError("SERVICE_UNAVAILABLE", message, retry_after=_RETRY_AFTER_SECONDS)
