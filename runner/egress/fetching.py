"""One guest's request, from its text to a response: every hop checked, counted and bounded."""

import asyncio
import json
import ssl
from dataclasses import dataclass

import certifi
import httpcore

from runner.egress.locating import Locator
from runner.egress.messages import FetchAnswer, FetchBounds, FetchRequest, Headers
from runner.egress.pinning import Meter, PinnedBackend
from runner.egress.refused import RefusedError
from runner.egress.requests import Hop, first_hop, headers_of, is_redirect, size_of
from runner.egress.targets import HTTPS_PORT, Target, redirected, subject_of, target_of

REDIRECTS_MAX = 5
RESPONSE_HEAD_BYTES_MAX = 32 * 1024
"""Of the headers as JSON: so they fit into the head of a frame, with the URL."""

_HTTP_OK = 200
_OF_THE_CONNECTION = {
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
}


@dataclass(frozen=True)
class _Response:
    """What one hop brought."""

    status: int
    headers: Headers
    body: bytes
    location: str | None
    """Where it redirects to, if it does; then it has no body."""


class Fetcher:
    """Makes requests under the policy of their runs.

    Args:
        locator: finds and checks where hosts are.
        tls: verifies who answers there.
    """

    def __init__(self, locator: Locator, tls: ssl.SSLContext) -> None:
        self._locator = locator
        self._tls = tls

    async def fetch(self, request: FetchRequest, bounds: FetchBounds) -> FetchAnswer:
        """Make one request; whatever goes wrong is in the answer."""
        meter = Meter(bounds.bytes_max)
        journey = _Journey(self._locator, self._tls, bounds.net_allow, meter)
        journey.host = subject_of(request.url)
        try:
            async with asyncio.timeout(bounds.seconds_max):
                target, response = await journey.make(request)
        except RefusedError as refused:
            host = refused.host or journey.host
            return FetchAnswer(refusal=refused.refusal, subject=host, bytes_used=meter.used)
        except TimeoutError:
            return FetchAnswer(refusal="limit", subject=journey.host, bytes_used=meter.used)
        return FetchAnswer(
            status=response.status,
            headers=response.headers,
            url=target.url,
            body=response.body,
            bytes_used=meter.used,
            subject=target.host,
        )


class _Journey:
    """The hops of one request."""

    def __init__(
        self, locator: Locator, tls: ssl.SSLContext, net_allow: list[str], meter: Meter
    ) -> None:
        self._locator = locator
        self._tls = tls
        self._net_allow = net_allow
        self._meter = meter
        self.host = ""
        """The host in hand, which a failure is about."""

    async def make(self, request: FetchRequest) -> tuple[Target, _Response]:
        """Make the request and follow where it leads.

        Raises:
            RefusedError: there is no response.
        """
        target = target_of(request.url, self._net_allow)
        hop = first_hop(request)
        for _ in range(1 + REDIRECTS_MAX):
            self.host = target.host
            response = await self._ask(hop, target)
            if response.location is None:
                return target, response
            following = redirected(target, response.location, self._net_allow)
            hop = hop.redirected(response.status, to_another_host=following.host != target.host)
            target = following
        raise RefusedError("unreachable")

    async def _ask(self, hop: Hop, target: Target) -> _Response:
        """Send one request over a connection of its own."""
        self._meter.need(size_of(hop, target))
        endpoints = await self._locator.endpoints(target.host)
        connection = httpcore.AsyncHTTPConnection(
            origin=httpcore.Origin(b"https", target.host.encode(), HTTPS_PORT),
            ssl_context=self._tls,
            network_backend=PinnedBackend(endpoints, self._meter),
        )
        try:
            async with (
                connection,
                connection.stream(
                    hop.method,
                    httpcore.URL(
                        scheme=b"https",
                        host=target.host.encode(),
                        port=HTTPS_PORT,
                        target=target.path.encode(),
                    ),
                    headers=headers_of(hop, target),
                    content=hop.content,
                ) as response,
            ):
                return await _read(response)
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.TimeoutException,
            OSError,
        ) as error:
            raise RefusedError("unreachable") from error


async def _read(response: httpcore.Response) -> _Response:
    if response.status < _HTTP_OK:
        # A change of protocol that nobody asked for.
        raise RefusedError("unreachable")
    headers = [
        (name.decode("ascii").lower(), value.decode("latin-1")) for name, value in response.headers
    ]
    if len(json.dumps(headers)) > RESPONSE_HEAD_BYTES_MAX:
        raise RefusedError("unreachable")
    location = _location(response.status, headers)
    body = bytearray()
    if location is None:
        async for piece in response.aiter_stream():
            body += piece
    kept = [header for header in headers if header[0] not in _OF_THE_CONNECTION]
    return _Response(response.status, kept, bytes(body), location)


def _location(status: int, headers: Headers) -> str | None:
    places = [value for name, value in headers if name == "location"]
    if not is_redirect(status) or not places:
        return None
    if len(places) > 1:
        raise RefusedError("unreachable")
    return places[0]


def tls_context(authorities: str = "") -> ssl.SSLContext:
    """Verify servers against the public authorities, and the operator's.

    Args:
        authorities: certificates in PEM.
    """
    context = ssl.create_default_context(cafile=certifi.where())
    if authorities:
        context.load_verify_locations(cadata=authorities)
    return context
