"""Goal: nothing leaves for an address that a guest may not reach, not by a redirect either.

Method: the real egress process; a server under the allowed name that sends the guest elsewhere, and
a listener that waits for a connection that must not come. (The policy's own tests are in
tests/unit/runner/egress.)
"""

import json
import socket
from collections.abc import Iterator

import pytest

from runner.egress.egress import Egress
from schema.violations import ViolationKind
from tests.hostile.case import ALLOWED_HOST, NETWORK, Case, Grants
from tests.hostile.conftest import Cast, End
from tests.support.tls_servers import TlsServer

# With the port of the listener where there is a colon at the end.
LOOPBACK = (
    "https://127.0.0.1:",
    "https://localhost:",
    "https://2130706433:",
    "https://0x7f.1:",
    "https://[::ffff:127.0.0.1]:",
    "http://127.0.0.1:",
    "https://0.0.0.0:",
)
LURES = (
    *LOOPBACK,
    "https://[::1]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://evil.com/",
    f"http://{ALLOWED_HOST}/",
    f"https://{ALLOWED_HOST}:22/",
)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


@pytest.mark.parametrize("form", LOOPBACK)
async def test_loopback_is_out_of_reach_by_every_form(
    cast: Cast, listener: socket.socket, form: str
) -> None:
    # The policy names the host, as a maker might who wants in: the address still counts.
    host = form.split("//")[1].rstrip(":").strip("[]")
    grants = Grants(net_allow=(host,), deterministic=False)
    refused(await cast(fetching(_with_port(form, listener), grants)))
    assert nobody_came(listener)


@pytest.mark.parametrize("lure", LURES)
async def test_a_redirect_leads_nowhere_else(
    cast: Cast, lures: tuple[TlsServer, Egress], listener: socket.socket, lure: str
) -> None:
    server, _ = lures
    server.received.clear()
    path = _with_port(lure, listener).encode().hex()
    refused(await cast(fetching(f"https://{ALLOWED_HOST}/{path}", NETWORK)))
    assert len(server.received) == 1, "the first request was allowed, and was the last"
    assert nobody_came(listener)


def fetching(url: str, grants: Grants) -> Case:
    head = json.dumps({"method": "GET", "url": url}).encode()
    limits = {"net_requests_max": 3, "net_bytes_max": 100_000}
    return Case("fetch", "_start", "", stdin=head, limits=limits, grants=grants)


def refused(end: End) -> None:
    assert end.finished.output == bytes([2]), "ACCES"
    kinds = {violation.kind for violation in end.finished.report.violations}
    assert kinds == {ViolationKind.NET_DENIED}


def nobody_came(listener: socket.socket) -> bool:
    try:
        listener.accept()
    except BlockingIOError:
        return True
    return False


def _with_port(form: str, listener: socket.socket) -> str:
    return f"{form}{listener.getsockname()[1]}/" if form.endswith(":") else form
