"""Goal: receivers get what can be checked, and nobody else is asked. Method: real servers."""

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
from datetime import UTC, datetime

import pytest

from infra.notifications.email import SmtpChannel
from infra.notifications.webhook import WebhookChannel, resolve
from schema.contracts.notifications import (
    ChannelKind,
    Delivery,
    Destination,
    Notification,
    NotificationKind,
)
from schema.errors import SpellError
from schema.webhook_targets import webhook_secret, webhook_target
from tests.support.mail_server import mail_server
from tests.support.tls_servers import Authority, Received, response, tls_server

KEY = b"k" * 32
NOTIFICATION = Notification(
    id="msg_" + "a" * 26,
    account_id="acct_" + "a" * 16,
    kind=NotificationKind.DELISTING_NEAR,
    spell_key="com.example.resize",
    version="1.0.0",
    details={
        "days_left": 7,
        "findings": [{"message": "jinja2 has GHSA-1.", "due_at": "2026-12-09T00:00:00+00:00"}],
    },
    created_at=datetime(2026, 11, 25, tzinfo=UTC),
)
HOST = "hooks.example"


def to(kind: ChannelKind, address: str) -> Delivery:
    destination = Destination(kind=kind, address=address, secret=webhook_secret(KEY))
    return Delivery(notification=NOTIFICATION, destination=destination)


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.pem)


def a_channel(authority: Authority, *addresses: str, loopback: bool = True) -> WebhookChannel:
    async def resolve(host: str, port: int) -> list[str]:
        del host, port
        return list(addresses or ("127.0.0.1",))

    return WebhookChannel(allow_loopback=loopback, tls=trusting(authority), resolve=resolve)


async def posted(status: str, *headers: str) -> tuple[list[Received], SpellError | None]:
    """What a receiver that answers so was asked, and what became of the delivery."""
    authority = Authority()

    async def answer(request: Received, writer: asyncio.StreamWriter) -> None:
        del request
        writer.write(response(b"", *headers, status=status))

    async with tls_server(authority.server_context(HOST), answer) as server:
        delivery = to(ChannelKind.WEBHOOK, f"https://{HOST}:{server.port}/in?a=1")
        try:
            await a_channel(authority).send(delivery)
        except SpellError as error:
            return server.received, error
        return server.received, None


async def test_a_webhook_is_signed_as_standard_webhooks_says() -> None:
    (request,), error = await posted("204 No Content")
    assert error is None
    assert request.line == "POST /in?a=1 HTTP/1.1"
    assert request.headers["webhook-id"] == NOTIFICATION.id
    content = f"{NOTIFICATION.id}.{request.headers['webhook-timestamp']}.".encode() + request.body
    mac = base64.b64encode(hmac.new(KEY, content, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{mac}"
    event = json.loads(request.body)
    assert event["type"] == "delisting.near"
    assert event["data"]["spell"] == "com.example.resize"


@pytest.mark.parametrize(
    ("status", "headers", "code"),
    [
        ("500 Oh", [], "DELIVERY_FAILED"),
        ("404 Not Found", [], "DELIVERY_FAILED"),
        ("302 Found", ["Location: https://169.254.169.254/"], "DELIVERY_FAILED"),
        ("410 Gone", [], "DELIVERY_REFUSED"),
    ],
)
async def test_what_is_not_taken_is_told_apart(status: str, headers: list[str], code: str) -> None:
    received, error = await posted(status, *headers)
    assert len(received) == 1
    assert error is not None
    assert error.code == code


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
        channel = a_channel(authority, *addresses, loopback=False)
        with pytest.raises(SpellError, match="public internet"):
            await channel.send(to(ChannelKind.WEBHOOK, f"https://{HOST}:{server.port}/"))
        assert server.received == []


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
        with pytest.raises(SpellError, match="cannot be reached"):
            await a_channel(authority).send(
                to(ChannelKind.WEBHOOK, f"https://{HOST}:{server.port}/")
            )
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


async def test_an_e_mail_says_what_was_found_and_by_when() -> None:
    async with mail_server() as server:
        channel = SmtpChannel(f"smtp://127.0.0.1:{server.port}", "Spells <spells@example.com>")
        await channel.send(to(ChannelKind.EMAIL, "maker@example.com"))
    (message,) = server.taken
    assert message["To"] == "maker@example.com"
    assert message["Message-ID"] == f"<{NOTIFICATION.id}@example.com>"
    assert message["Subject"] == "com.example.resize 1.0.0 is delisted in 7 days"
    assert "jinja2 has GHSA-1." in message.get_content()


async def test_a_password_goes_over_tls_only() -> None:
    authority = Authority()
    async with mail_server(authority.server_context("localhost")) as server:
        channel = SmtpChannel(
            f"smtps://me:p%40ss@localhost:{server.port}", "a@b.example", trusting(authority)
        )
        await channel.send(to(ChannelKind.EMAIL, "maker@example.com"))
    assert len(server.taken) == 1
    assert server.logins == ["AUTH PLAIN " + base64.b64encode(b"\0me\0p@ss").decode()]
    with pytest.raises(ValueError, match="loopback"):
        SmtpChannel("smtp://mail.example.com", "a@b.example")


@pytest.mark.parametrize(
    ("answer", "code"),
    [("450 later", "DELIVERY_FAILED"), ("550 nobody", "DELIVERY_REFUSED")],
)
async def test_a_recipient_may_be_refused_for_now_or_for_good(answer: str, code: str) -> None:
    async with mail_server() as server:
        server.recipient_answer = answer
        channel = SmtpChannel(f"smtp://127.0.0.1:{server.port}", "a@b.example")
        with pytest.raises(SpellError) as refused:
            await channel.send(to(ChannelKind.EMAIL, "maker@example.com"))
    assert refused.value.code == code
    assert server.taken == []


async def test_a_password_of_the_operator_that_is_refused_kills_no_message() -> None:
    authority = Authority()
    async with mail_server(authority.server_context("localhost")) as server:
        server.login_answer = "535 wrong"
        channel = SmtpChannel(
            f"smtps://me:old@localhost:{server.port}", "a@b.example", trusting(authority)
        )
        with pytest.raises(SpellError) as refused:
            await channel.send(to(ChannelKind.EMAIL, "maker@example.com"))
    assert refused.value.code == "DELIVERY_FAILED"


async def test_a_mail_server_that_is_away_is_asked_again() -> None:
    async with mail_server() as server:
        port = server.port
    with pytest.raises(SpellError) as failed:
        await SmtpChannel(f"smtp://127.0.0.1:{port}", "a@b.example").send(
            to(ChannelKind.EMAIL, "maker@example.com")
        )
    assert failed.value.code == "DELIVERY_FAILED"
    assert "maker@" not in failed.value.message
