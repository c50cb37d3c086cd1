"""Wake-ups for those who follow casts and publications. Fits the API's port `EventFeed`.

One subscription per process, however many follow: the bus tells of every cast, and this process
passes on what it has followers for. Hints only: whoever is woken reads the events table. What a
hint that is lost would cost, `infra.event_backstop` bounds.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from schema.errors import SpellError
from schema.names import event_subject

FLUSH_SECONDS_MAX = 5
_EVERY = event_subject("*")
_PREFIX = event_subject("")


class Follower:
    """One who follows; hints that arrive together wake once.

    Attributes:
        seen: number of the last event that it has; None does without the backstop.
        ended: nobody follows any more: its client has gone, or this process is about to.
    """

    def __init__(self, seen: int | None) -> None:
        self.seen = seen
        self.ended = False
        self._grown = asyncio.Event()

    async def wait(self, timeout_seconds: float) -> bool:
        """True when the stream may have grown or follows no more, False when the time is up."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._grown.wait()
        except TimeoutError:
            return False
        self._grown.clear()
        return True

    def wake(self) -> None:
        """Something may have happened; what, the table tells."""
        self._grown.set()

    def end(self) -> None:
        """Follow no more."""
        self.ended = True
        self._grown.set()


class NatsEventFeed:
    """Passes hints on to the followers in this process.

    Args:
        client: tells of reconnections, between which hints are lost.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._followers: dict[str, set[Follower]] = {}
        self._closing = False

    @property
    def reconnects(self) -> int:
        """How often the bus was lost and found again."""
        return int(self._client.stats["reconnects"])

    @contextmanager
    def follow(self, subject_id: str, *, seen: int | None = None) -> Iterator[Follower]:
        """Listen while the context is open; nothing that is told inside it is missed.

        Args:
            subject_id: a cast or a publication.
            seen: the number of the last event that the follower has; it keeps this up to date.
        """
        follower = Follower(seen)
        if self._closing:
            follower.end()
        self._followers.setdefault(subject_id, set()).add(follower)
        try:
            yield follower
        finally:
            self._leave(subject_id, follower)

    def quiet(self) -> dict[str, int]:
        """Whom the backstop looks after: what is followed, with the least that a follower has."""
        positions = {}
        for subject_id, followers in self._followers.items():
            seen = [one.seen for one in followers if one.seen is not None]
            if seen:
                positions[subject_id] = min(seen)
        return positions

    def wake(self, subject_id: str) -> None:
        """Wake who follows this."""
        for follower in self._followers.get(subject_id, ()):
            follower.wake()

    def wake_waiting(self) -> None:
        """Wake those whom the backstop does not look after."""
        for followers in self._followers.values():
            for follower in followers:
                if follower.seen is None:
                    follower.wake()

    def close(self) -> None:
        """End all streams, and those still to come: clients go on at another process."""
        self._closing = True
        for followers in self._followers.values():
            for follower in followers:
                if follower.seen is not None:
                    follower.end()

    async def on_message(self, message: Msg) -> None:
        """Pass a hint on."""
        self.wake(message.subject.removeprefix(_PREFIX))

    def _leave(self, subject_id: str, follower: Follower) -> None:
        followers = self._followers[subject_id]
        followers.discard(follower)
        if not followers:
            del self._followers[subject_id]


@asynccontextmanager
async def open_event_feed(client: Client) -> AsyncIterator[NatsEventFeed]:
    """The process's one subscription; the server knows of it before the block begins.

    Raises:
        SpellError: SERVICE_UNAVAILABLE, the bus is away.
    """
    feed = NatsEventFeed(client)
    try:
        subscription = await client.subscribe(_EVERY, cb=feed.on_message)
        await client.flush(timeout=FLUSH_SECONDS_MAX)
    except (nats.errors.Error, OSError) as error:
        raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error
    try:
        yield feed
    finally:
        feed.close()
        with suppress(nats.errors.Error, OSError):
            await subscription.unsubscribe()
