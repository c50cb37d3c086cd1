"""One end of the connection between the supervisor and a process of its own: frames, both ways."""

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from runner.processes.wire import Frame, FrameError, FrameReader, encode


class Channel(asyncio.Protocol):
    """Sends frames, and hands over those that come.

    Args:
        attachment_bytes_max: what one attachment may hold.
        on_frame: called with each frame. When it raises FrameError, the channel is broken.
        on_closed: called once, when nothing will come any more.
    """

    broken = False
    """The other side does not keep to the protocol; that is why the channel closes."""

    def __init__(
        self,
        attachment_bytes_max: int,
        on_frame: Callable[[Frame], None],
        on_closed: Callable[[], None],
    ) -> None:
        self._reader = FrameReader(attachment_bytes_max)
        self._on_frame = on_frame
        self._on_closed = on_closed
        self._transport: asyncio.Transport | None = None

    async def open(self, end: socket.socket) -> None:
        """Begin to send and receive on one end of a socket pair."""
        end.setblocking(False)
        await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=end)

    def send(self, frame: Frame) -> None:
        """Send a frame; after the end it goes nowhere."""
        if self._transport is not None:
            self._transport.write(encode(frame))

    def close(self) -> None:
        """Close at once, with whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio: the channel is open."""
        # uvloop's transports are no subclasses.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Asyncio: the next piece of the stream."""
        try:
            frame = self._reader.feed(data)
            while frame is not None:
                self._on_frame(frame)
                frame = self._reader.feed(b"")
        except (FrameError, RecursionError):
            # Nobody who keeps to the protocol says anything that is nested so deep.
            self.broken = True
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio: the other side is gone."""
        del exc
        self._transport = None
        self._on_closed()
