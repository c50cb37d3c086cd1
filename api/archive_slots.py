"""How many archives one process holds in its memory at a time: each has up to 48 MiB."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from schema.errors import SpellError

ARCHIVES_MAX = 8
ARCHIVES_PER_ACCOUNT_MAX = 4
"""So that no account, by sending slowly, keeps every other one from publishing."""
_RETRY_AFTER_SECONDS = 5


class ArchiveSlots:
    """Lets in who takes an archive into memory, for as long as they do. Nobody waits inside.

    Args:
        archives_max: of all accounts.
        per_account_max: of one account.
    """

    def __init__(
        self,
        *,
        archives_max: int = ARCHIVES_MAX,
        per_account_max: int = ARCHIVES_PER_ACCOUNT_MAX,
    ) -> None:
        self._archives_max = archives_max
        self._per_account_max = per_account_max
        self._held: Counter[str] = Counter()

    @contextmanager
    def slot(self, account_id: str) -> Iterator[None]:
        """Hold a slot inside the block.

        Raises:
            SpellError: SERVICE_UNAVAILABLE, this process holds as many archives as it may.
        """
        if self._held[account_id] >= self._per_account_max:
            raise _full("You have as many archives on their way to this process as one may have.")
        if self._held.total() >= self._archives_max:
            raise _full("This process takes no more archives just now.")
        self._held[account_id] += 1
        try:
            yield
        finally:
            self._held[account_id] -= 1
            if not self._held[account_id]:
                del self._held[account_id]


def _full(message: str) -> SpellError:
    return SpellError("SERVICE_UNAVAILABLE", message, retry_after=_RETRY_AFTER_SECONDS)
