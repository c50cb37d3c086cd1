"""A mail server of the test's own: it takes what it is told to take, and remembers it."""

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage


@dataclass
class MailServer:
    """What a server on loopback has been handed."""

    port: int = 0
    recipient_answer: str = "250 ok"
    """What it says to a recipient."""
    taken: list[EmailMessage] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)


@asynccontextmanager
async def mail_server(tls: ssl.SSLContext | None = None) -> AsyncIterator[MailServer]:
    """Serve SMTP (RFC 5321), over TLS when a context is given."""
    server = MailServer()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _talk(server, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has gone
        finally:
            writer.close()

    listener = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


async def _talk(
    server: MailServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(b"220 test\r\n")
    while line := (await reader.readline()).decode().strip():
        verb = line.split()[0].upper()
        if verb == "EHLO":
            writer.write(b"250-test\r\n250 AUTH PLAIN\r\n")
        elif verb == "AUTH":
            server.logins.append(line)
            writer.write(b"235 welcome\r\n")
        elif verb == "RCPT":
            writer.write(server.recipient_answer.encode() + b"\r\n")
        elif verb == "DATA":
            writer.write(b"354 go on\r\n")
            content = await reader.readuntil(b"\r\n.\r\n")
            server.taken.append(_message(content.removesuffix(b".\r\n")))
            writer.write(b"250 taken\r\n")
        elif verb == "QUIT":
            writer.write(b"221 bye\r\n")
            return
        else:
            writer.write(b"250 ok\r\n")


def _message(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message
