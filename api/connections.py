"""The way to break a connection off, for answers whose client does not read them.

ASGI has none: an answer that ends waits in the server's buffer for a client that may never come.
"""

import struct
from socket import SO_LINGER, SOL_SOCKET

from starlette.types import ASGIApp, Receive, Scope, Send

_KEY = "spell.transport"
_AT_ONCE = struct.pack("ii", 1, 0)


class Connections:
    """Notes the connection of each request. The outermost middleware: it sees the server's own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        # uvicorn's `send` is a method of the request's cycle, which has the transport.
        scope[_KEY] = getattr(getattr(send, "__self__", None), "transport", None)
        await self._app(scope, receive, send)


def cut_connection(scope: Scope) -> None:
    """Break the request's connection off, and forget what was still to be sent."""
    transport = scope.get(_KEY)
    if transport is None:
        return
    socket = transport.get_extra_info("socket")
    if socket is not None:
        # Or the kernel would keep megabytes, for as long as the client does not read them.
        socket.setsockopt(SOL_SOCKET, SO_LINGER, _AT_ONCE)
    transport.abort()
