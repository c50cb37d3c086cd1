"""E-mail, handed in over SMTP (port `NotificationChannel`)."""

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

from infra.notifications.wording import subject_of, text_of
from schema.contracts.notifications import Delivery
from schema.errors import SpellError

_SECONDS_MAX = 20.0
_PORTS = {"smtps": 465, "smtp+starttls": 587, "smtp": 25}
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_FOR_GOOD = 500


class SmtpChannel:
    """Hands messages to one server.

    Args:
        url: `smtps://user:password@host:port`, `smtp+starttls://…`, or `smtp://` on loopback: a
            password and an address never travel in clear.
        sender: whom messages come from, as in a From header.
        tls: verifies the server; by default against the public authorities.

    Raises:
        ValueError: the URL is none of these.
    """

    def __init__(self, url: str, sender: str, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("SPELL_SMTP_URL must be smtps://, smtp+starttls:// or smtp://")
        if parts.scheme == "smtp" and parts.hostname not in _LOOPBACK:
            raise ValueError(
                "smtp:// without TLS is for loopback: use smtps:// or smtp+starttls://"
            )
        self._scheme = parts.scheme
        self._host, self._port = parts.hostname, parts.port or _PORTS[parts.scheme]
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._sender = sender
        self._tls = tls or ssl.create_default_context()

    async def send(self, delivery: Delivery) -> None:
        """Hand the message in; smtplib blocks, so it is done beside the loop.

        Raises:
            SpellError: DELIVERY_FAILED; DELIVERY_REFUSED, the server takes no such message.
        """
        message = message_of(delivery, self._sender)
        try:
            await asyncio.to_thread(self._hand_in, message)
        except smtplib.SMTPRecipientsRefused as error:
            raise _refusal(max(code for code, _ in error.recipients.values())) from error
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code) from error
        except (smtplib.SMTPException, OSError) as error:
            # The error itself may quote the address.
            message_text = f"The mail server cannot be used ({type(error).__name__})."
            raise SpellError("DELIVERY_FAILED", message_text) from error

    def _hand_in(self, message: EmailMessage) -> None:
        with self._connected() as server:
            if self._scheme == "smtp+starttls":
                server.starttls(context=self._tls)
            if self._user:
                server.login(self._user, self._password)
            server.send_message(message)

    def _connected(self) -> smtplib.SMTP:
        if self._scheme == "smtps":
            return smtplib.SMTP_SSL(self._host, self._port, timeout=_SECONDS_MAX, context=self._tls)
        return smtplib.SMTP(self._host, self._port, timeout=_SECONDS_MAX)


def message_of(delivery: Delivery, sender: str) -> EmailMessage:
    """The message; its id is the notification's, so that a mail program shows it once."""
    notification = delivery.notification
    message = EmailMessage()
    message["From"] = sender
    message["To"] = delivery.destination.address
    message["Subject"] = subject_of(notification)
    message["Date"] = format_datetime(notification.created_at)
    domain = parseaddr(sender)[1].rpartition("@")[2] or "spell.localhost"
    message["Message-ID"] = f"<{notification.id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text_of(notification))
    return message


def _refusal(code: int) -> SpellError:
    """RFC 5321, 4.2.1: 4yz may pass later, 5yz will not."""
    kind = "DELIVERY_REFUSED" if code >= _FOR_GOOD else "DELIVERY_FAILED"
    return SpellError(kind, f"The mail server answered {code}.")
