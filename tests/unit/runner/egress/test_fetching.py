"""Goal: guests get what their policy allows, and nothing else, whatever a server answers.

Method: real TLS servers, the real egress process between them and the test.
"""

import asyncio

import pytest

from runner.egress.messages import FetchAnswer
from tests.support.tls_servers import TlsServer
from tests.unit.runner.egress.conftest import HOST, OTHER_HOST, UNLISTED_HOST, Fetch


@pytest.fixture(autouse=True)
def forget(server: TlsServer) -> None:
    server.received.clear()
    server.server_names.clear()


async def test_an_allowed_host_is_reached_by_its_own_name(fetch: Fetch, server: TlsServer) -> None:
    answer = await fetch(f"https://{HOST}/echo?a=1")
    assert (answer.status, answer.refusal) == (200, None)
    assert answer.body == b"GET /echo?a=1 HTTP/1.1\n"
    assert (answer.url, answer.subject) == (f"https://{HOST}/echo?a=1", HOST)
    assert server.server_names == [HOST]
    assert server.received[0].headers["host"] == HOST


async def test_headers_come_back_in_order_each_one_by_itself(fetch: Fetch) -> None:
    answer = await fetch()
    assert ("x-name", "Value") in answer.headers
    assert [value for name, value in answer.headers if name == "set-cookie"] == ["a=b", "c=d"]


async def test_a_status_of_failure_is_an_answer_like_any_other(fetch: Fetch) -> None:
    answer = await fetch(f"https://{HOST}/teapot")
    assert (answer.status, answer.body, answer.refusal) == (418, b"short and stout", None)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_body_is_sent_as_it_is(fetch: Fetch, server: TlsServer, method: str) -> None:
    body = bytes(range(256)) * 10
    answer = await fetch(method=method, body=body, headers=[("Content-Type", "x/y")])
    assert answer.status == 200
    assert server.received[0].body == body
    assert server.received[0].headers["content-length"] == "2560"
    assert server.received[0].headers["content-type"] == "x/y"


async def test_an_empty_body_has_a_length(fetch: Fetch, server: TlsServer) -> None:
    await fetch(method="POST")
    assert server.received[0].headers["content-length"] == "0"


async def test_the_answer_to_head_has_no_body(fetch: Fetch) -> None:
    answer = await fetch(method="HEAD")
    assert (answer.status, answer.body, answer.refusal) == (200, b"", None)
    assert dict(answer.headers)["content-length"] != "0"


async def test_headers_of_the_connection_stay_with_it(fetch: Fetch, server: TlsServer) -> None:
    answer = await fetch(f"https://{HOST}/connection")
    assert {name for name, _ in answer.headers} == {"content-length"}
    assert server.received[0].headers["connection"] == "close"


async def test_compressed_bytes_are_neither_asked_for_nor_unpacked(
    fetch: Fetch, server: TlsServer
) -> None:
    answer = await fetch(f"https://{HOST}/zipped")
    assert server.received[0].headers["accept-encoding"] == "identity"
    assert answer.body == b"\x1f\x8b not unpacked"
    assert ("content-encoding", "gzip") in answer.headers


async def test_a_trailing_dot_and_capitals_change_nothing(fetch: Fetch, server: TlsServer) -> None:
    answer = await fetch(f"HTTPS://{HOST.upper()}.:443/echo#fragment")
    assert answer.status == 200
    assert answer.url == f"https://{HOST}/echo"
    assert server.received[0].headers["host"] == HOST


async def test_two_requests_at_once_do_not_wait_for_each_other(fetch: Fetch) -> None:
    slow = asyncio.create_task(fetch(f"https://{HOST}/silent"))
    quick = await asyncio.gather(*(fetch(f"https://{HOST}/echo?{n}") for n in range(8)))
    assert [answer.body for answer in quick] == [
        f"GET /echo?{n} HTTP/1.1\n".encode() for n in range(8)
    ]
    assert not slow.done()
    slow.cancel()


# -- what is counted ---------------------------------------------------------------------------


async def test_every_byte_of_request_and_response_is_counted(
    fetch: Fetch, server: TlsServer
) -> None:
    answer = await fetch(method="POST", body=b"b" * 1000)
    sent = len(server.received[0].head) + 1000
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1020\r\nX-Name: Value\r\n"
    cookies = b"Set-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n"
    assert len(answer.body) == 1020
    assert answer.bytes_used == sent + len(head) + len(cookies) + len(answer.body)


async def test_what_fits_exactly_is_no_byte_too_much(fetch: Fetch) -> None:
    used = (await fetch()).bytes_used
    exact = await fetch(bytes_max=used)
    assert (exact.status, exact.bytes_used) == (200, used)
    short = await fetch(bytes_max=used - 1)
    assert (short.refusal, short.bytes_used, short.body) == ("limit", used - 1, b"")


async def test_a_request_that_does_not_fit_is_not_sent(fetch: Fetch, server: TlsServer) -> None:
    await fetch(method="POST", body=b"b" * 500)
    size = len(server.received[0].head) + 500
    answer = await fetch(method="POST", body=b"b" * 500, bytes_max=size - 1)
    assert (answer.refusal, answer.bytes_used, answer.subject) == ("limit", 0, HOST)
    assert len(server.received) == 1


async def test_bytes_of_all_hops_count_together(fetch: Fetch) -> None:
    direct = await fetch()
    led = await fetch(f"https://{HOST}/to/302/~echo")
    assert led.body == direct.body
    assert led.bytes_used > direct.bytes_used + 100
    cut = await fetch(f"https://{HOST}/to/302/~echo", bytes_max=led.bytes_used - 1)
    assert (cut.refusal, cut.bytes_used) == ("limit", led.bytes_used - 1)


# -- what does not end -------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["endless", "informing"])
async def test_what_has_no_end_ends_at_the_limit(fetch: Fetch, path: str) -> None:
    answer = await fetch(f"https://{HOST}/{path}", bytes_max=50_000)
    assert (answer.refusal, answer.bytes_used, answer.body) == ("limit", 50_000, b"")
    assert answer.subject == HOST


@pytest.mark.parametrize("path", ["silent", "drip"])
async def test_who_is_slow_has_no_more_than_the_time(fetch: Fetch, path: str) -> None:
    answer = await fetch(f"https://{HOST}/{path}", seconds_max=0.5)
    assert answer.refusal == "limit"
    assert 0 < answer.bytes_used < 5000, "what crossed the network is counted all the same"


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
async def test_without_time_nothing_is_asked(
    fetch: Fetch, server: TlsServer, seconds: float
) -> None:
    answer = await fetch(seconds_max=seconds)
    assert answer.refusal == "limit"
    assert server.received == []


@pytest.mark.parametrize(
    "path",
    [
        "endless-head",
        "big-head",
        "wide-head",
        "nonsense",
        "nothing",
        "cut",
        "upgrade",
        "two-places",
        "both-lengths",
    ],
)
async def test_what_is_no_proper_response_is_none(fetch: Fetch, path: str) -> None:
    answer = await fetch(f"https://{HOST}/{path}")
    assert (answer.refusal, answer.subject, answer.body) == ("unreachable", HOST, b"")
    assert answer.bytes_used > 0


# -- who answers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["wrong-name.example.com", "self-signed.example.com", "by-address.example.com"]
)
async def test_a_server_that_cannot_show_the_name_is_not_asked(fetch: Fetch, host: str) -> None:
    answer = await fetch(f"https://{host}/echo", net_allow=["*.example.com"])
    assert (answer.refusal, answer.bytes_used, answer.subject) == ("unreachable", 0, host)


async def test_a_host_that_does_not_exist_is_unreachable(fetch: Fetch) -> None:
    answer = await fetch("https://nowhere.invalid/", net_allow=["nowhere.invalid"])
    assert (answer.refusal, answer.bytes_used) == ("unreachable", 0)


# -- redirects ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed(fetch: Fetch, status: int) -> None:
    answer = await fetch(f"https://{HOST}/to/{status}/~echo")
    assert (answer.status, answer.url) == (200, f"https://{HOST}/echo")


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "DELETE", "GET"),
        (303, "HEAD", "HEAD"),
        (307, "POST", "POST"),
        (308, "PUT", "PUT"),
        (301, "PATCH", "PATCH"),
    ],
)
async def test_method_and_body_follow_the_standard(
    fetch: Fetch, server: TlsServer, status: int, method: str, then: str
) -> None:
    body = b"" if method == "HEAD" else b"body"
    headers = [("Content-Type", "text/plain"), ("X-Mine", "1")]
    answer = await fetch(
        f"https://{HOST}/to/{status}/~echo", method=method, body=body, headers=headers
    )
    assert answer.status == 200
    last = server.received[-1]
    assert last.line == f"{then} /echo HTTP/1.1"
    assert last.body == (body if then == method else b"")
    assert ("content-type" in last.headers) == (then == method)
    assert last.headers["x-mine"] == "1"


async def test_credentials_do_not_go_to_another_host(fetch: Fetch, server: TlsServer) -> None:
    secrets = [("Authorization", "Bearer x"), ("cookie", "a=b"), ("X-Mine", "1")]
    answer = await fetch(f"https://{HOST}/to/307/https:~~{OTHER_HOST}~echo", headers=secrets)
    assert (answer.status, answer.subject) == (200, OTHER_HOST)
    first, second = (request.headers for request in server.received)
    assert (first["authorization"], first["cookie"]) == ("Bearer x", "a=b")
    assert not {"authorization", "cookie"} & set(second)
    assert (second["x-mine"], second["host"]) == ("1", OTHER_HOST)
    assert server.server_names == [HOST, OTHER_HOST]


async def test_credentials_stay_on_the_same_host(fetch: Fetch, server: TlsServer) -> None:
    await fetch(f"https://{HOST}/to/302/~echo", headers=[("Authorization", "Bearer x")])
    assert [request.headers["authorization"] for request in server.received] == ["Bearer x"] * 2


@pytest.mark.parametrize(
    ("location", "refusal", "subject"),
    [
        (f"http:~~{HOST}~", "denied", HOST),
        (f"ftp:~~{HOST}~", "denied", HOST),
        ("file:~~~etc~passwd", "unreachable", HOST),
        ("javascript:alert(1)", "unreachable", HOST),
        (f"https:~~{HOST}:8443~", "denied", HOST),
        (f"https:~~{UNLISTED_HOST}~", "denied", UNLISTED_HOST),
        (f"~~{UNLISTED_HOST}~", "denied", UNLISTED_HOST),
        ("https:~~127.0.0.1~", "denied", "127.0.0.1"),
        ("https:~~169.254.169.254~latest~meta-data", "denied", "169.254.169.254"),
        ("https:~~[::1]~", "denied", "::1"),
        ("https:~~2130706433~", "denied", "2130706433"),
        (f"https:~~{HOST}@{UNLISTED_HOST}~", "unreachable", UNLISTED_HOST),
        (f"https:~~{HOST}^@{UNLISTED_HOST}~", "unreachable", HOST),
    ],
)
async def test_a_redirect_may_lead_only_where_the_guest_may_go(
    fetch: Fetch, server: TlsServer, location: str, refusal: str, subject: str
) -> None:
    answer = await fetch(f"https://{HOST}/to/302/{location}")
    assert (answer.refusal, answer.subject) == (refusal, subject)
    assert (answer.status, answer.body, answer.headers) == (0, b"", [])
    assert answer.bytes_used > 0
    assert len(server.received) == 1


async def test_a_loop_ends_after_five_redirects(fetch: Fetch, server: TlsServer) -> None:
    answer = await fetch(f"https://{HOST}/loop")
    assert answer.refusal == "unreachable"
    assert len(server.received) == 6


async def test_a_redirect_to_nowhere_is_an_answer(fetch: Fetch) -> None:
    answer = await fetch(f"https://{HOST}/no-place")
    assert (answer.status, answer.body) == (302, b"no place")


# -- what a guest writes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "get"},
        {"method": "CONNECT"},
        {"method": "TRACE"},
        {"method": "OPTIONS"},
        {"method": "GET /x HTTP/1.1\r\nHost: evil\r\n\r\nGET"},
        {"method": ""},
        {"method": "GET", "body": b"x"},
        {"method": "HEAD", "body": b"x"},
        {"headers": [("Host", UNLISTED_HOST)]},
        {"headers": [("hOsT", UNLISTED_HOST)]},
        {"headers": [("Content-Length", "5")]},
        {"headers": [("Transfer-Encoding", "chunked")]},
        {"headers": [("Connection", "keep-alive")]},
        {"headers": [("Keep-Alive", "x")]},
        {"headers": [("Upgrade", "websocket")]},
        {"headers": [("TE", "trailers")]},
        {"headers": [("Trailer", "x")]},
        {"headers": [("Expect", "100-continue")]},
        {"headers": [("Proxy-Authorization", "x")]},
        {"headers": [("proxy-anything", "x")]},
        {"headers": [("X-A", "b\r\nHost: evil")]},
        {"headers": [("X-A", "b\nc")]},
        {"headers": [("X-A", "b\x00c")]},
        {"headers": [("X-A", "caf\u00e9")]},
        {"headers": [("X-A: b\r\nX-B", "c")]},
        {"headers": [("X A", "c")]},
        {"headers": [("X-A\n", "c")]},
        {"headers": [("", "c")]},
        {"headers": [("Transfer-Encoding ", "chunked")]},
        {"headers": [("X-A", "b")] * 65},
        {"headers": [("X-A", "b" * 17_000)]},
        {"headers": [("X-A", "b" * 5_000_000)]},
        {"url": ""},
        {"url": "/echo"},
        {"url": "api.example.com"},
        {"url": "https://"},
        {"url": "https:///echo"},
        {"url": f"https://{HOST}/a b"},
        {"url": f"https://{HOST}/a\r\nb"},
        {"url": f"https://{HOST}/" + "a" * 9000},
        {"url": f"https://{HOST}/" + "a" * 5_000_000},
        {"url": f"https://{HOST}/" + "\u20ac" * 2_000},
    ],
    ids=lambda wrong: repr(wrong)[:60],
)
async def test_a_malformed_request_is_not_made(
    fetch: Fetch, server: TlsServer, wrong: dict[str, object]
) -> None:
    answer = await fetch(**wrong)
    assert (answer.refusal, answer.bytes_used) == ("invalid", 0)
    assert server.received == []
    assert (await fetch()).status == 200, "the process is as well as before"


async def test_a_body_over_the_bytes_is_over_the_limit(fetch: Fetch) -> None:
    answer: FetchAnswer = await fetch(method="POST", body=b"x" * 20_000_000, bytes_max=10**9)
    assert (answer.refusal, answer.bytes_used) == ("limit", 0)
