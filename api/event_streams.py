"""Server-sent events, as casts and publications are followed: thousands of streams per process.

An idle stream costs a heartbeat now and then: no query, no connection to the database, no
subscription of its own. A client that does not read is cut; it resumes with `Last-Event-ID`.
"""

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.connections import cut_connection
from api.ports import EventFeed, Follower
from api.shared_reads import SharedReads
from api.stream_slots import StreamSlots
from schema.errors import SpellError

HEARTBEAT_SECONDS = 15.0
"""Shorter than the minute after which proxies take a silent connection for a dead one."""
STREAM_SECONDS_MAX = 900.0
"""A client comes back with Last-Event-ID; no stream holds a connection for ever."""
SEND_SECONDS_MAX = 20.0
"""What a client may take to make room for a piece: beyond it, it does not read."""
PAGE_EVENTS_MAX = 64
"""Events that one stream has in memory at a time, of a kilobyte or so each."""
RETRY_MS = 1000
"""After how long an EventSource comes back."""

_log = logging.getLogger(__name__)
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@dataclass(frozen=True)
class Frame:
    """One event, as it is sent."""

    seq: int
    text: str
    last: bool
    """No event comes after it."""

    @classmethod
    def of(cls, seq: int, kind: str, data: dict[str, Any], *, last: bool) -> "Frame":
        """The frame of an event."""
        return cls(seq, f"id: {seq}\nevent: {kind}\ndata: {json.dumps(data)}\n\n", last)


@dataclass(frozen=True)
class EventSource:
    """What a stream tells of."""

    subject_id: str
    """A cast or a publication."""
    account_id: str
    """Whose it is, and who follows."""
    frames: Callable[[int], Awaitable[list[Frame]]]
    """Its events after this one, at most PAGE_EVENTS_MAX."""
    is_over: Callable[[int], Awaitable[bool]]
    """Whether it has ended, with no event after this one."""


@dataclass(frozen=True)
class EventStreams:
    """What all streams of a process share."""

    feed: EventFeed
    slots: StreamSlots
    reads: SharedReads
    send_seconds_max: float = SEND_SECONDS_MAX

    async def answer(self, source: EventSource, after: int) -> Response:
        """The stream after an event; 204 when nothing is left to tell.

        Browsers come back after an end of stream, unless they are told not to.
        """
        if await source.is_over(after):
            return Response(status_code=204)
        return EventStreamResponse(self, source, after)

    async def frames(self, source: EventSource, after: int) -> list[Frame]:
        """The events after this one; followers at the same place share one read."""
        return await self.reads.read((source.subject_id, after), lambda: source.frames(after))


class EventStreamResponse(Response):
    """One open stream: it holds a slot until it has ended, however that comes about."""

    media_type = "text/event-stream"

    def __init__(self, streams: EventStreams, source: EventSource, after: int) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._streams = streams
        self._source = source
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the stream. Raises SpellError, before it begins, when there is no slot."""
        source = self._source
        with (
            self._streams.slots.slot(source.account_id),
            self._streams.feed.follow(source.subject_id, seen=self._after) as follower,
        ):
            watch = asyncio.create_task(_end_with_client(receive, follower))
            try:
                await self._serve(follower, send)
            except TimeoutError:
                _log.info("cut the stream of %s: its client does not read", source.subject_id)
                if not cut_connection(scope):
                    raise
                await watch
            finally:
                watch.cancel()
                with suppress(asyncio.CancelledError):
                    await watch

    async def _serve(self, follower: Follower, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await self._send(send, start)
        await self._say(send, f"retry: {RETRY_MS}\n\n")
        try:
            # Not all that came together end together.
            seconds = STREAM_SECONDS_MAX * random.uniform(0.8, 1.0)  # noqa: S311
            async with asyncio.timeout(seconds) as time_left:
                await self._tell(follower, send)
        except TimeoutError:
            if not time_left.expired():
                raise
        except SpellError as error:
            # The database is away: the client comes back, here or at another process.
            _log.warning("ended the stream of %s: %s", self._source.subject_id, error)
        await self._send(send, {"type": "http.response.body", "body": b"", "more_body": False})

    async def _tell(self, follower: Follower, send: Send) -> None:
        """Every event as it comes; heartbeats while none does."""
        grown = True
        while not follower.ended:
            if grown and await self._tell_news(follower, send):
                return
            grown = await follower.wait(HEARTBEAT_SECONDS)
            if not grown:
                await self._say(send, ": heartbeat\n\n")

    async def _tell_news(self, follower: Follower, send: Send) -> bool:
        """Send what has come; True when it was the end."""
        told = False
        while frames := await self._streams.frames(self._source, self._after):
            for frame in frames:
                await self._say(send, frame.text)
                self._after = follower.seen = frame.seq
            if frames[-1].last or follower.ended:
                return True
            told = True
            if len(frames) < PAGE_EVENTS_MAX:
                break
        return not told and await self._source.is_over(self._after)

    async def _say(self, send: Send, text: str) -> None:
        await self._send(
            send, {"type": "http.response.body", "body": text.encode(), "more_body": True}
        )

    async def _send(self, send: Send, message: dict[str, object]) -> None:
        """Hand a piece on; the server takes it while its own, bounded buffer has room."""
        async with asyncio.timeout(self._streams.send_seconds_max):
            await send(message)


async def _end_with_client(receive: Receive, follower: Follower) -> None:
    """A client that vanishes ends its stream at once, not at the next heartbeat."""
    while (await receive())["type"] != "http.disconnect":
        pass
    follower.end()
