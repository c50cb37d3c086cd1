"""Connections to NATS: named, reconnecting for ever, and silent about credentials."""

import asyncio
import logging
import random
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import nats
from nats.aio.client import Client, Server

from schema.errors import SpellError

_RECONNECT_SECONDS_MIN = 0.1
_RECONNECT_SECONDS_MAX = 5.0
_RECONNECT_STEPS_MAX = 10
_PING_SECONDS = 20
_CREDENTIALS = re.compile(r"//[^/@\s]*@")

_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_nats(
    url: str,
    *,
    name: str,
    inbox_prefix: str = "_INBOX",
    first_seconds_max: float = 30.0,
    on_closed: Callable[[], None] | None = None,
) -> AsyncIterator[Client]:
    """A connection that comes back by itself after every loss, until the context is left.

    Args:
        url: `nats://user:password@host:port`, or several with commas.
        name: who we are, in NATS' own monitoring.
        inbox_prefix: where replies to this connection go; a user with few rights has its own.
        first_seconds_max: how long the first attempt may take, retries included.
        on_closed: called when the connection is given up for good: it was refused (credentials),
            or closed by us.

    Raises:
        SpellError: SERVICE_UNAVAILABLE, nothing answered in time or it refused us.
    """
    leaving = False

    async def log_error(error: Exception) -> None:
        _log.warning("NATS (%s): %s", name, without_credentials(error))

    async def log_disconnected() -> None:
        if not leaving:
            _log.warning("NATS (%s): connection lost", name)

    async def log_reconnected() -> None:
        _log.info("NATS (%s): connected again", name)

    async def report_closed() -> None:
        if on_closed is not None:
            on_closed()

    with _told_without_credentials():
        async with asyncio.timeout(first_seconds_max):
            client = await nats.connect(
                servers=url.split(","),
                name=name,
                inbox_prefix=inbox_prefix,
                error_cb=log_error,
                disconnected_cb=log_disconnected,
                reconnected_cb=log_reconnected,
                closed_cb=report_closed,
                max_reconnect_attempts=-1,
                reconnect_time_wait=1,
                reconnect_to_server_handler=_next_server,
                ping_interval=_PING_SECONDS,
            )
    try:
        yield client
    finally:
        leaving = True
        await _close(client)


@contextmanager
def _told_without_credentials() -> Iterator[None]:
    try:
        yield
    except (nats.errors.Error, OSError) as error:
        raise SpellError(
            "SERVICE_UNAVAILABLE",
            f"No connection to NATS: {without_credentials(error)}",
            retry_after=5,
        ) from None  # the cause may name the URL with its password


def without_credentials(error: BaseException) -> str:
    """The text of an error, with the user part of every URL cut out."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return _CREDENTIALS.sub("//…@", text)


async def _close(client: Client) -> None:
    """Send what is still buffered, then close."""
    if client.is_closed:
        return
    try:
        await client.flush(timeout=2)
    except (nats.errors.Error, OSError) as error:
        _log.warning("NATS: closing without a flush: %s", without_credentials(error))
    await client.close()


def _next_server(servers: list[Server], _info: dict[str, object]) -> tuple[Server | None, float]:
    """The server that failed least, after a pause that doubles with each failure."""
    server = min(servers, key=lambda one: one.reconnects)
    steps = min(server.reconnects, _RECONNECT_STEPS_MAX)
    pause = min(_RECONNECT_SECONDS_MIN * 2**steps, _RECONNECT_SECONDS_MAX)
    # Not all processes of a fleet at the same moment.
    return server, pause * random.uniform(0.5, 1.0)  # noqa: S311 - no secret depends on it
