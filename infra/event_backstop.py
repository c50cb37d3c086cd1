"""One look at the database for all who follow in this process, in case a hint was lost.

Without it, each idle stream would have to ask for itself.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from infra.event_feed import NatsEventFeed
from infra.repositories.event_heads import EventHead
from schema.errors import SpellError

LOOK_SECONDS = 15.0
"""Between two looks; half as much again at most, so that processes do not look together."""
LOOK_IDS_MAX = 500
"""Of one query."""
_TICK_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Heads(Protocol):
    """How far streams are."""

    async def heads(self, subject_ids: Sequence[str]) -> list[EventHead]:
        """The last event of each."""


class EventBackstop:
    """Wakes followers whose streams have grown, or ended, without a word from the bus.

    Args:
        feed: who follows.
        heads: the database.
    """

    def __init__(self, feed: NatsEventFeed, heads: Heads) -> None:
        self._feed = feed
        self._heads = heads

    async def run(self) -> None:
        """Look for ever: now and then, and at once when the bus has come back."""
        loop = asyncio.get_running_loop()
        reconnects, next_at = self._feed.reconnects, _next_look(loop.time())
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            lost = self._feed.reconnects != reconnects
            if not lost and loop.time() < next_at:
                continue
            reconnects = self._feed.reconnects
            if lost:
                self._feed.wake_waiting()
            await self._look_and_go_on()
            next_at = _next_look(loop.time())

    async def look(self) -> None:
        """Wake whoever has not seen everything, and whose stream is over."""
        positions = self._feed.quiet()
        ids = list(positions)
        for start in range(0, len(ids), LOOK_IDS_MAX):
            for head in await self._heads.heads(ids[start : start + LOOK_IDS_MAX]):
                if head.ended or head.seq > positions[head.subject_id]:
                    self._feed.wake(head.subject_id)

    async def _look_and_go_on(self) -> None:
        try:
            await self.look()
        except SpellError as error:
            _log.warning("no look at the event streams: %s", error)


def _next_look(now: float) -> float:
    return now + LOOK_SECONDS * random.uniform(1.0, 1.5)  # noqa: S311 - no secret depends on it


@asynccontextmanager
async def event_backstop(feed: NatsEventFeed, heads: Heads) -> AsyncIterator[None]:
    """Look while the context is open."""
    task = asyncio.create_task(EventBackstop(feed, heads).run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
