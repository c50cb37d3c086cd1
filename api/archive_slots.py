"""How many archives one process holds in its memory at a time: each has up to 48 MiB."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from schema.errors import SpellError

ARCHIVES_MAX = 8
ARCHIVES_PER_ACCOUNT_MAX = 4
"""So that no account, by sending slowly, keeps every other one from publishing."""
PATIENCE_SECONDS = 5.0
"""A quick archive is gone in less: a burst is taken one after the other, not refused."""
_RETRY_AFTER_SECONDS = 5


class ArchiveSlots:
    """Lets in who takes an archive into memory, for as long as they do.

    Whoever waits has read nothing of the body yet, and so holds no memory.

    Args:
        archives_max: of all accounts.
        per_account_max: of one account.
        patience_seconds: how long one waits for a slot.
    """

    def __init__(
        self,
        *,
        archives_max: int = ARCHIVES_MAX,
        per_account_max: int = ARCHIVES_PER_ACCOUNT_MAX,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._archives_max = archives_max
        self._per_account_max = per_account_max
        self._patience_seconds = patience_seconds
        self._held: Counter[str] = Counter()
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def slot(self, account_id: str) -> AsyncIterator[None]:
        """Hold a slot inside the block, after waiting a moment for one.

        Raises:
            SpellError: SERVICE_UNAVAILABLE, this process holds as many archives as it may.
        """
        await self._take(account_id)
        try:
            yield
        finally:
            await self._give_back(account_id)

    async def _take(self, account_id: str) -> None:
        try:
            async with asyncio.timeout(self._patience_seconds), self._changed:
                await self._changed.wait_for(lambda: self._has_room_for(account_id))
                self._held[account_id] += 1
        except TimeoutError:
            raise self._full_for(account_id) from None

    async def _give_back(self, account_id: str) -> None:
        # First, and without a wait: a request that is cancelled must not keep its slot.
        self._held[account_id] -= 1
        if not self._held[account_id]:
            del self._held[account_id]
        async with self._changed:
            self._changed.notify_all()

    def _has_room_for(self, account_id: str) -> bool:
        return (
            self._held[account_id] < self._per_account_max
            and self._held.total() < self._archives_max
        )

    def _full_for(self, account_id: str) -> SpellError:
        message = "This process takes no more archives just now."
        if self._held[account_id] >= self._per_account_max:
            message = "You have as many archives on their way to this process as one may have."
        return SpellError("SERVICE_UNAVAILABLE", message, retry_after=_RETRY_AFTER_SECONDS)
