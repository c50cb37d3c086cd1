"""Goal: receivers get what can be checked, and nobody else is asked. Method: real servers."""

import asyncio
import json
import socket
import ssl
import threading

import pytest
from cryptography.exceptions import InvalidSignature
from standardwebhooks.webhooks import WebhookVerificationError

from infra.webhooks.bodies import body_bytes
from infra.webhooks.keys import public_key
from infra.webhooks.sender import WebhookSender, resolve
from schema import limits
from schema.contracts.webhooks import AttemptResult
from schema.webhook_targets import webhook_secret, webhook_target
from tests.support.platform import make_vault
from tests.support.tls_servers import Authority, Received, response, tls_server
from tests.support.webhooks import ACCOUNT, MESSAGE, SECRET, a_delivery, verified, verify_asymmetric

HOST = "hooks.example"
PUBLIC_URL = "https://spells.example/"
CAST_ID = "cast_" + "a" * 16 + "_" + "b" * 26


def a_sender(authority: Authority, *addresses: str, loopback: bool = True) -> WebhookSender:
    async def resolve(host: str, port: int) -> list[str]:
        del host, port
        return list(addresses or ("127.0.0.1",))

    return WebhookSender(
        make_vault(),
        PUBLIC_URL,
        allow_loopback=loopback,
        tls=ssl.create_default_context(cadata=authority.pem),
        resolve=resolve,
    )


async def posted(
    status: str, *headers: str, secrets: tuple[str, ...] = ()
) -> tuple[list[Received], AttemptResult]:
    """What a receiver that answers so was asked, and what became of the attempt."""
    authority = Authority()

    async def answer(request: Received, writer: asyncio.StreamWriter) -> None:
        del request
        writer.write(response(b"", *headers, status=status))

    async with tls_server(authority.server_context(HOST), answer) as server:
        delivery = a_delivery(f"https://{HOST}:{server.port}/in?a=1", *secrets)
        result = await a_sender(authority).send(delivery)
        return server.received, result


async def test_the_official_library_takes_the_signature() -> None:
    (request,), result = await posted("204 No Content")
    assert (result.status_code, result.error) == (204, None)
    assert request.line == "POST /in?a=1 HTTP/1.1"
    assert request.headers["webhook-id"] == MESSAGE.id
    assert verified(request, SECRET) == json.loads(request.body)
    assert json.loads(request.body)["data"]["days_left"] == 7
    with pytest.raises(WebhookVerificationError):
        verified(request, webhook_secret(b"another" * 4))


async def test_while_secrets_overlap_either_checks_the_signature() -> None:
    before = webhook_secret(b"b" * 32)
    (request,), _ = await posted("200 OK", secrets=(SECRET, before))
    for secret in (SECRET, before):
        assert verified(request, secret)


async def test_the_public_key_of_the_account_and_no_others_checks_the_signature() -> None:
    (request,), _ = await posted("200 OK")
    verify_asymmetric(request, public_key(make_vault(), ACCOUNT))
    with pytest.raises(InvalidSignature):
        verify_asymmetric(request, public_key(make_vault(), "acct_" + "b" * 16))


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        ("500 Oh", []),
        ("404 Not Found", []),
        ("302 Found", ["Location: https://169.254.169.254/"]),
        ("410 Gone", []),
    ],
)
async def test_what_is_not_taken_says_so_and_is_not_followed(
    status: str, headers: list[str]
) -> None:
    received, result = await posted(status, *headers)
    assert len(received) == 1
    assert result.status_code == int(status[:3])
    assert result.error is not None
    assert status[:3] in result.error


@pytest.mark.parametrize(
    "addresses",
    [("127.0.0.1",), ("10.0.0.1",), ("169.254.169.254",), ("::1",), ("8.8.8.8", "192.168.0.1")],
)
async def test_addresses_that_are_not_public_are_not_asked(addresses: tuple[str, ...]) -> None:
    authority = Authority()

    async def answer(request: Received, writer: asyncio.StreamWriter) -> None:
        del request
        writer.write(response())

    async with tls_server(authority.server_context(HOST), answer) as server:
        sender = a_sender(authority, *addresses, loopback=False)
        result = await sender.send(a_delivery(f"https://{HOST}:{server.port}/"))
        assert "public internet" in (result.error or "")
        assert result.status_code is None
        assert server.received == []


async def test_a_receiver_that_never_answers_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WEBHOOK_SECONDS_MAX", 0.2)
    authority, gone = Authority(), asyncio.Event()

    async def answer(request: Received, writer: asyncio.StreamWriter) -> None:
        del request, writer
        await gone.wait()

    async with tls_server(authority.server_context(HOST), answer) as server:
        result = await a_sender(authority).send(a_delivery(f"https://{HOST}:{server.port}/"))
        gone.set()
    assert result.status_code is None
    assert "no answer" in (result.error or "")


async def test_names_that_are_answered_late_hold_up_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Method: more names than there are threads for everything else, and none is answered."""
    answered = threading.Event()

    def late(*args: object, **options: object) -> list[object]:
        del args, options
        answered.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", late)
    asked = [asyncio.create_task(resolve(HOST, 443)) for _ in range(40)]
    try:
        await asyncio.sleep(0)
        async with asyncio.timeout(20):
            assert await asyncio.to_thread(lambda: "done") == "done"
        assert not any(task.done() for task in asked)
    finally:
        answered.set()
        assert await asyncio.gather(*asked) == [[]] * 40


async def test_a_receiver_with_another_name_is_not_believed() -> None:
    authority = Authority()

    async def answer(request: Received, writer: asyncio.StreamWriter) -> None:
        del request
        writer.write(response())

    async with tls_server(authority.server_context("other.example"), answer) as server:
        result = await a_sender(authority).send(a_delivery(f"https://{HOST}:{server.port}/x?s=1"))
        assert "cannot be reached" in (result.error or "")
        assert HOST not in (result.error or "")
        assert server.received == []


@pytest.mark.parametrize(
    "url",
    [
        *("http://hooks.example/", "https://127.0.0.1/", "https://[::1]/", "https://0x7f000001/"),
        *("https://user@hooks.example/", "https://hooks.example:25/", "https://hooks.example/#a"),
        *("https://hooks.example\\@evil/", "https://hooks example/", "ftp://hooks.example/", ""),
        *("https://hooks.example:70000/", "https://" + "a" * 3000),
    ],
)
def test_a_url_that_could_mean_something_else_is_refused(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (each has its own words)
        webhook_target(url)


def test_what_tells_of_a_cast_says_where_the_rest_is() -> None:
    told = MESSAGE.model_copy(update={"cast_id": CAST_ID, "event": "cast.succeeded"})
    document = json.loads(body_bytes(told, PUBLIC_URL))
    assert document["data"]["links"]["cast"] == f"https://spells.example/v1/casts/{CAST_ID}"


def test_a_body_stays_below_twenty_kilobytes() -> None:
    much = {"spell": "com.example.x", "findings": ["x" * 1000] * 40, "reason": "y" * 5000}
    body = body_bytes(MESSAGE.model_copy(update={"data": much}), PUBLIC_URL)
    assert len(body) < limits.WEBHOOK_BODY_BYTES_MAX
    data = json.loads(body)["data"]
    assert (data["spell"], data["shortened"]) == ("com.example.x", True)
    assert "findings" not in data
