"""Guards what GitHub does not have: `/_local`, pages and sign-in are for this machine alone.

They ask for no password, so a page of another site must not reach them through the browser of
whoever works here: neither by a name that it lets lead to this machine (the `Host` is another
then), nor by a form or a script (the `Origin` is).
"""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from infra.embedded.github.addresses import is_api

_NAMES = {"127.0.0.1", "localhost", "::1"}


class OwnPartsMiddleware:
    """Lets in who asks from this machine, for this machine, and for itself.

    Args:
        app: what it is around.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and not is_api(scope["path"]) and not _is_from_here(scope):
            refused = PlainTextResponse("This is for this machine alone.", 403)
            await refused(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _is_from_here(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    client = scope.get("client")
    host = urlsplit(f"//{headers.get('host', '')}")
    origin = headers.get("origin")
    return (
        client is not None
        and ipaddress.ip_address(client[0]).is_loopback
        and host.hostname in _NAMES
        and headers.get("sec-fetch-site", "none") in {"none", "same-origin", "same-site"}
        and (origin is None or _is_ours(origin, host.netloc))
    )


def _is_ours(origin: str, netloc: str) -> bool:
    """Whether a page of this server asks, under whichever of its names."""
    asks, asked = urlsplit(origin), urlsplit(f"//{netloc}")
    return asks.scheme == "http" and asks.hostname in _NAMES and asks.port == asked.port
