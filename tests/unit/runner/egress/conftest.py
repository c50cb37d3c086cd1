"""One authority, one scripted server, and the real egress process in front of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine

import pytest

from runner.egress.egress import Egress
from runner.egress.locating import Endpoint
from runner.egress.messages import FetchAnswer, FetchBounds, FetchRequest
from tests.support.tls_servers import Authority, Received, TlsServer, response, tls_server

HOST = "api.example.com"
OTHER_HOST = "other.example.org"
UNLISTED_HOST = "unlisted.example.net"

Fetch = Callable[..., Coroutine[None, None, FetchAnswer]]


async def scripted(request: Received, writer: asyncio.StreamWriter) -> None:
    """Answer as the path says: a redirect, something without an end, or the request itself."""
    path = request.path.split("?")[0]
    if path.startswith("/to/"):
        status, _, place = path.removeprefix("/to/").partition("/")
        location = place.replace("~", "/").replace("^", "\\")
        writer.write(response(b"", f"Location: {location}", status=f"{status} Moved"))
    elif path in ENDLESS:
        await _without_end(*ENDLESS[path], writer)
    elif path in SCRIPTS:
        writer.write(SCRIPTS[path])
    else:
        body = f"{request.line}\n".encode() + request.body
        writer.write(response(body, "X-Name: Value", "Set-Cookie: a=b", "Set-Cookie: c=d"))


async def _without_end(
    first: bytes, again: bytes, pause_seconds: float, writer: asyncio.StreamWriter
) -> None:
    writer.write(first)
    while not writer.is_closing():
        writer.write(again)
        await writer.drain()
        await asyncio.sleep(pause_seconds)


_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = {
    "/endless": (_CHUNKED, b"3e8\r\n" + b"x" * 1000 + b"\r\n", 0.0),
    "/endless-head": (b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"y" * 1000 + b"\r\n", 0.0),
    "/informing": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50, 0.0),
    "/silent": (b"", b"", 0.05),
    "/drip": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b".", 0.02),
}
SCRIPTS = {
    "/loop": response(b"", "Location: /loop", status="302 Found"),
    "/big-head": response(b"", *(f"X-{number}: {'z' * 900}" for number in range(40))),
    "/wide-head": b"HTTP/1.1 200 OK\r\nX: " + b"\xff" * 6_000 + b"\r\n\r\n",
    "/nonsense": b"I am not HTTP at all\r\n\r\n",
    "/nothing": b"",
    "/cut": response(b"half", length=8),
    "/upgrade": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: raw\r\nConnection: Upgrade\r\n\r\n",
    "/two-places": response(b"", "Location: /a", "Location: /b", status="302 Found"),
    "/no-place": response(b"no place", status="302 Found"),
    "/teapot": response(b"short and stout", status="418 I'm a teapot"),
    "/zipped": response(b"\x1f\x8b not unpacked", "Content-Encoding: gzip"),
    "/connection": response(b"", "Connection: close", "Keep-Alive: timeout=5", "Upgrade: h2c"),
    "/empty-chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "/both-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
}


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
async def server(authority: Authority) -> AsyncIterator[TlsServer]:
    names = (HOST, OTHER_HOST, UNLISTED_HOST)
    async with tls_server(authority.server_context(*names), scripted) as started:
        yield started


@pytest.fixture(scope="session")
async def impostors(authority: Authority) -> AsyncIterator[dict[str, Endpoint]]:
    """Servers that must not be believed, by the host that they stand in for."""
    other_name = authority.server_context("another.example.com")
    other_authority = Authority().server_context("self-signed.example.com")
    address = authority.server_context("127.0.0.1")
    async with (
        tls_server(other_name, scripted) as first,
        tls_server(other_authority, scripted) as second,
        tls_server(address, scripted) as third,
    ):
        yield {
            "wrong-name.example.com": Endpoint("127.0.0.1", first.port),
            "self-signed.example.com": Endpoint("127.0.0.1", second.port),
            "by-address.example.com": Endpoint("127.0.0.1", third.port),
        }


@pytest.fixture(scope="session")
def static_hosts(server: TlsServer, impostors: dict[str, Endpoint]) -> dict[str, Endpoint]:
    endpoint = Endpoint("127.0.0.1", server.port)
    return dict.fromkeys((HOST, OTHER_HOST, UNLISTED_HOST), endpoint) | impostors


@pytest.fixture(scope="session")
async def egress(static_hosts: dict[str, Endpoint], authority: Authority) -> AsyncIterator[Egress]:
    """The real thing, in its own process."""
    started = Egress(static_hosts, authority.pem)
    await started.start()
    yield started
    await started.close()


@pytest.fixture
def fetch(egress: Egress) -> Fetch:
    """Fetch through the real process, with the test's bounds where it names any."""

    async def fetch_one(
        url: str = f"https://{HOST}/echo",
        *,
        method: str = "GET",
        headers: list[tuple[str, str]] | None = None,
        body: bytes = b"",
        **bounds: object,
    ) -> FetchAnswer:
        return await egress.fetch(
            FetchRequest(method=method, url=url, headers=headers or [], body=body),
            bounds_of(**bounds),
        )

    return fetch_one


def bounds_of(**bounds: object) -> FetchBounds:
    usual = {"net_allow": [HOST, OTHER_HOST], "bytes_max": 1_000_000, "seconds_max": 20.0}
    return FetchBounds.model_validate(usual | bounds)
