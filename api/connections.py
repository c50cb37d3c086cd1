"""The way to break a connection off, for answers whose client does not read them.

ASGI has none: an answer that ends waits in the server's buffer for a client that may never come.
"""

import struct
from socket import SO_LINGER, SOL_SOCKET

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

_KEY = "spell.transport"
_AT_ONCE = struct.pack("ii", 1, 0)


class ConnectedApi(FastAPI):
    """An application that knows the connection of each request.

    Not a middleware: Starlette's own stands outside of them all, and hides the server's `send`.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        # uvicorn's `send` is a method of the request's cycle, which has the transport.
        scope[_KEY] = getattr(getattr(send, "__self__", None), "transport", None)
        await super().__call__(scope, receive, send)


def cut_connection(scope: Scope) -> bool:
    """Break the request's connection off, and forget what was still to be sent.

    Returns:
        False where the server does not say which connection it is.
    """
    transport = scope.get(_KEY)
    if transport is None:
        return False
    socket = transport.get_extra_info("socket")
    if socket is not None:
        # Or the kernel would keep megabytes, for as long as the client does not read them.
        socket.setsockopt(SOL_SOCKET, SO_LINGER, _AT_ONCE)
    transport.abort()
    return True
