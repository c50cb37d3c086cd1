"""Goal: no spelling of an address, and no answer of a name server, leads a guest inside.

Method: each URL goes through the real egress process with hosts allowed as widely as an entry can
say, and over a server that would answer; names are resolved by resolvers of the test's own.
"""

import ssl

import httpcore
import pytest

from runner.egress.fetching import Fetcher, tls_context
from runner.egress.locating import Endpoint, Locator
from runner.egress.messages import FetchRequest
from runner.egress.targets import is_allowed
from schema.addresses import is_public
from tests.support.tls_servers import Authority, TlsServer
from tests.unit.runner.egress.conftest import HOST, OTHER_HOST, Fetch, bounds_of

# Spellings that some parser or resolver takes for an address of this machine or its network.
ADDRESSES = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "0",
    "0.0.0.0",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "0X7F.0X0.0X0.0X1",
    "127.0.0.0x1",
    "00000127.0.0.1",
    "127.000.000.001",
    "4294967297",
    "256.256.256.256",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "2852039166",
    "0xA9FEA9FE",
    "0251.0376.0251.0376",
    "100.100.100.200",
    "100.64.0.1",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "255.255.255.255",
    "8.8.8.8",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:169.254.169.254]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::a00:1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:7f00:1::]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "[fd00:ec2::254]",
    "[fec0::1]",
    "[ff02::1]",
    "[2606:4700:4700::1111]",
    "[::1",
    "::1",
    "[v1.fe80]",
    "\uff11\uff12\uff17.0.0.1",
    "127\u30020\u30020\u30021",
    "127\uff0e0\uff0e0\uff0e1",
    "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "1\u00ad27.0.0.1",
    "localhost.1",
]
# URLs that one reader takes for an allowed host and another for something else.
CONFUSIONS = [
    f"https://{HOST}@127.0.0.1/",
    f"https://{HOST}:443@127.0.0.1/",
    f"https://127.0.0.1#@{HOST}/",
    f"https://127.0.0.1?@{HOST}/",
    f"https://127.0.0.1\\@{HOST}/",
    f"https://127.0.0.1/@{HOST}",
    f"https://{HOST}\\@127.0.0.1/",
    f"https://{HOST}\\.evil.example.net/",
    f"https://user:password@{HOST}/",
    f"https://@@{HOST}/",
    f"https://{HOST}%00.evil.example.net/",
    f"https://{HOST}\x00.evil.example.net/",
    f"https://{HOST}\t/",
    f"https://{HOST}\r\nHost: evil/",
    f" https://{HOST}/",
    f"https:/\\{HOST}/",
    f"https:\\\\{HOST}/",
    f"https:{HOST}/",
    f"https:///{HOST}/",
    f"//{HOST}/",
    f"http://{HOST}/",
    f"http://{HOST}:443/",
    f"ws://{HOST}/",
    f"file://{HOST}/etc/passwd",
    f"gopher://{HOST}/_x",
    f"ftp://{HOST}/",
    f"unix://{HOST}/var/run/docker.sock",
    f"https+unix://{HOST}/",
    f"https://{HOST}:80/",
    f"https://{HOST}:8443/",
    f"https://{HOST}:0/",
    f"https://{HOST}:65979/",
    f"https://{HOST}:-443/",
    f"https://{HOST}:443.evil.example.net/",
    f"https://{HOST}..:443/",
    f"https://.{HOST}/",
    f"https://evil-{HOST}/",
    f"https://{HOST}.evil.example.net/",
    f"https://evil.example.net/{HOST}",
    "https://xn--pi-api-1234.example.com.evil.example.net/",
    "https://\u0430pi.example.com/",
    "https://api.example.c\u043em/",
    "https://api\u3002example\u3002net/",
    "https://localhost/",
    "https://localhost./",
    "https://metadata.google.internal/",
    "https://example.com/",
]
# An address list can be no more generous than this; `HOST` is what the confusions play with.
WIDE = [HOST, "*.1", "*.0.0.1", "*.127.0.0.1", "127.0.0.1", "::1", "[::1]", "*.com.evil"]


@pytest.mark.parametrize("address", ADDRESSES, ids=ascii)
async def test_an_address_is_never_asked_however_it_is_written(
    fetch: Fetch, server: TlsServer, address: str
) -> None:
    server.server_names.clear()
    answer = await fetch(f"https://{address}/", net_allow=[*WIDE, address, address.strip("[]")])
    assert answer.refusal in {"denied", "invalid"}
    assert (answer.bytes_used, server.server_names) == (0, [])


@pytest.mark.parametrize("url", CONFUSIONS, ids=ascii)
async def test_no_spelling_passes_one_host_off_as_another(
    fetch: Fetch, server: TlsServer, url: str
) -> None:
    server.server_names.clear()
    answer = await fetch(url, net_allow=WIDE)
    assert answer.refusal in {"denied", "invalid"}
    assert (answer.bytes_used, server.server_names) == (0, [])


async def test_the_allowed_host_itself_would_have_been_reached(fetch: Fetch) -> None:
    """Else the tests above would pass with everything refused."""
    assert (await fetch(f"https://{HOST}/", net_allow=WIDE)).status == 200


@pytest.mark.parametrize(
    ("host", "entry", "allowed"),
    [
        ("example.com", "example.com", True),
        ("example.com", "EXAMPLE.com", True),
        ("a.example.com", "*.example.com", True),
        ("a.b.example.com", "*.example.com", True),
        ("example.com", "*.example.com", False),
        ("badexample.com", "*.example.com", False),
        ("a.example.com", "example.com", False),
        ("example.com.evil.net", "*.example.com", False),
        ("example.com", "*", False),
        ("example.com", "*.", False),
        ("example.com", "", False),
        ("a.example.com", "a.*.com", False),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", True),
    ],
)
def test_an_entry_means_a_host_or_all_below_it(host: str, entry: str, allowed: bool) -> None:
    assert is_allowed(host, [entry]) is allowed


PRIVATE_LINES = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1
127.255.255.254 168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255
192.0.0.1 192.0.0.8 192.0.0.170 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1
198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 233.252.0.1 239.255.255.255 240.0.0.1
255.255.255.255
:: ::1 ::2 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8
::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 100::1 100:0:0:1::1 2001::1
2001:0:7f00:1:: 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:808:808:: 3fff::1
4000::1 5f00::1 fc00::1 fd00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 febf::1 fec0::1 ff02::1 ff0e::1
2606:4700:4700::1111%eth0
"""
PUBLIC_LINES = """
1.1.1.1 8.8.8.8 9.9.9.9 11.0.0.1 100.63.255.255 100.128.0.1 172.15.255.255 172.32.0.1 192.0.1.1
192.167.255.255 192.169.0.1 198.17.255.255 198.20.0.1 223.255.255.255
2001:200::1 2001:4860:4860::8888 2003::1 2606:4700:4700::1111 2a00:1450:4001:80b::200e
"""


@pytest.mark.parametrize("address", PRIVATE_LINES.split())
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC_LINES.split())
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "1.2.3.4.5", "08.8.8.8", "[::1]"])
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert not is_public(text)


class Answers:
    """A resolver that says something else each time."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        if not self.answers:
            raise OSError("no such name")
        return self.answers.pop(0)


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch, server: TlsServer) -> list[Endpoint]:
    """Where connections would have gone; they go to the test's server instead."""
    endpoints: list[Endpoint] = []
    connect = httpcore.AnyIOBackend.connect_tcp

    async def record(
        backend: httpcore.AnyIOBackend, host: str, port: int, **options: object
    ) -> httpcore.AsyncNetworkStream:
        endpoints.append(Endpoint(host, port))
        if host == "8.8.4.4":
            raise httpcore.ConnectError("nobody there")
        return await connect(backend, "127.0.0.1", server.port)

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", record)
    return endpoints


@pytest.fixture(scope="session")
def tls(authority: Authority) -> ssl.SSLContext:
    return tls_context(authority.pem)


@pytest.mark.parametrize("mixed", [["8.8.8.8", "10.0.0.1"], ["::1", "8.8.8.8"], ["127.0.0.1"]])
async def test_one_private_address_among_public_ones_is_enough(
    tls: ssl.SSLContext, connected: list[Endpoint], mixed: list[str]
) -> None:
    fetcher = Fetcher(Locator({}, Answers(mixed)), tls)
    answer = await fetcher.fetch(FetchRequest(method="GET", url=f"https://{HOST}/"), bounds_of())
    assert (answer.refusal, answer.subject, answer.bytes_used) == ("denied", HOST, 0)
    assert connected == []


async def test_a_name_is_looked_up_once_and_the_connection_goes_there(
    tls: ssl.SSLContext, connected: list[Endpoint], server: TlsServer
) -> None:
    """Rebinding: the second answer, an address inside, is never asked for."""
    resolver = Answers(["8.8.8.8"], ["127.0.0.1"])
    server.server_names.clear()
    answer = await Fetcher(Locator({}, resolver), tls).fetch(
        FetchRequest(method="GET", url=f"https://{HOST}/"), bounds_of()
    )
    assert answer.status == 200
    assert connected == [Endpoint("8.8.8.8", 443)]
    assert (resolver.asked, server.server_names) == ([HOST], [HOST])


async def test_a_redirect_is_looked_up_anew_and_checked_anew(
    tls: ssl.SSLContext, connected: list[Endpoint]
) -> None:
    resolver = Answers(["8.8.8.8"], ["127.0.0.1"])
    answer = await Fetcher(Locator({}, resolver), tls).fetch(
        FetchRequest(method="GET", url=f"https://{HOST}/to/302/https:~~{OTHER_HOST}~"), bounds_of()
    )
    assert (answer.refusal, answer.subject) == ("denied", OTHER_HOST)
    assert connected == [Endpoint("8.8.8.8", 443)]
    assert resolver.asked == [HOST, OTHER_HOST]


async def test_the_next_address_is_tried_where_one_is_down(
    tls: ssl.SSLContext, connected: list[Endpoint]
) -> None:
    resolver = Answers(["8.8.4.4", "8.8.8.8"])
    answer = await Fetcher(Locator({}, resolver), tls).fetch(
        FetchRequest(method="GET", url=f"https://{HOST}/"), bounds_of()
    )
    assert answer.status == 200
    assert connected == [Endpoint("8.8.4.4"), Endpoint("8.8.8.8")]


@pytest.mark.parametrize("answers", [[], [[]]])
async def test_a_name_without_addresses_is_unreachable(
    tls: ssl.SSLContext, connected: list[Endpoint], answers: list[list[str]]
) -> None:
    answer = await Fetcher(Locator({}, Answers(*answers)), tls).fetch(
        FetchRequest(method="GET", url=f"https://{HOST}/"), bounds_of()
    )
    assert (answer.refusal, answer.subject) == ("unreachable", HOST)
    assert connected == []
