"""Goal: people get what they can read, and passwords travel over TLS. Method: real servers."""

import base64
import ssl
from datetime import UTC, datetime

import pytest

from infra.notifications.email import SmtpChannel
from infra.notifications.wording import text_of
from schema.contracts.notifications import (
    ChannelKind,
    Delivery,
    Destination,
    Notification,
    NotificationKind,
)
from schema.errors import SpellError
from tests.support.mail_server import mail_server
from tests.support.tls_servers import Authority

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


def to(kind: ChannelKind, address: str) -> Delivery:
    destination = Destination(kind=kind, address=address)
    return Delivery(notification=NOTIFICATION, destination=destination)


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.pem)


async def test_an_e_mail_says_what_was_found_and_by_when() -> None:
    async with mail_server() as server:
        channel = SmtpChannel(f"smtp://127.0.0.1:{server.port}", "Spells <spells@example.com>")
        await channel.send(to(ChannelKind.EMAIL, "maker@example.com"))
    (message,) = server.taken
    assert message["To"] == "maker@example.com"
    assert message["Message-ID"] == f"<{NOTIFICATION.id}@example.com>"
    assert message["Subject"] == "com.example.resize 1.0.0 is delisted in 7 days"
    assert "jinja2 has GHSA-1." in message.get_content()


def test_an_alert_says_which_cap_and_how_much_of_it() -> None:
    details = {
        "cap": "api_key_day",
        "api_key_id": "key_" + "a" * 16,
        "currency": "USD",
        "percent": 80,
        "cap_micros": 1_000_000,
        "used_micros": 812_500,
        "period_start": "2026-11-26",
        "time_zone": "Europe/Vienna",
    }
    alert = NOTIFICATION.model_copy(
        update={
            "kind": NotificationKind.BUDGET_ALERT,
            "spell_key": None,
            "version": None,
            "details": details,
        }
    )
    assert text_of(alert).splitlines()[:6] == [
        "80 % of a cap is used",
        "",
        "Cap: api_key_day of 1.00 USD",
        "Held and spent: 0.8125 USD",
        "Key: key_aaaaaaaaaaaaaaaa",
        "Since: 2026-11-26 (Europe/Vienna)",
    ]
    whole = alert.model_copy(update={"details": {**details, "period_start": None}})
    assert "Since" not in text_of(whole)


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
