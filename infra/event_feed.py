"""Wake-ups for those who follow a cast, over core NATS. Fits the API's port `EventFeed`.

Hints only: whoever is woken reads the events table. A hint that is lost costs a heartbeat's wait.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from schema.errors import SpellError
from schema.names import event_subject

FLUSH_SECONDS_MAX = 5


class NatsEventHints:
    """Hints about one cast; several that arrive together wake once."""

    def __init__(self) -> None:
        self._grown = asyncio.Event()

    async def wait(self, timeout_seconds: float) -> bool:
        """True when the stream may have grown, False when the time is up."""
        try:
            await asyncio.wait_for(self._grown.wait(), timeout_seconds)
        except TimeoutError:
            return False
        self._grown.clear()
        return True

    async def on_message(self, message: Msg) -> None:
        """Note that something happened; what, the table tells."""
        del message
        self._grown.set()


class NatsEventFeed:
    """Follows casts."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @asynccontextmanager
    async def follow(self, cast_id: str) -> AsyncIterator[NatsEventHints]:
        """Listen while the context is open.

        The server knows of the subscription before the block begins: the flush waits for it.
        """
        hints = NatsEventHints()
        try:
            subscription = await self._client.subscribe(event_subject(cast_id), cb=hints.on_message)
            await self._client.flush(timeout=FLUSH_SECONDS_MAX)
        except (nats.errors.Error, OSError) as error:
            raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error
        try:
            yield hints
        finally:
            # What was done inside stands, whether or not the bus hears that we stopped listening.
            with suppress(nats.errors.Error, OSError):
                await subscription.unsubscribe()
