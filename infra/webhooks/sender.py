"""Webhooks, signed as Standard Webhooks says (port `NotificationChannel`).

An account may name any URL, so the platform asks it as it asks for guests: https only, every
address of the name on the public internet, and the connection made to the very address that was
checked. A redirect is a failure, and what is answered is read only as far as its status.
"""

# ruff: noqa: ASYNC109 - httpcore hands timeouts down.

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import certifi
import httpcore

from infra.notifications.wording import event_of
from schema.addresses import is_public
from schema.contracts.notifications import Delivery, Notification
from schema.errors import SpellError
from schema.webhook_targets import WebhookTarget, secret_bytes, webhook_target

_SECONDS_MAX = 15.0
_CONNECT_SECONDS_MAX = 5.0
_GONE = 410
_OK = range(200, 300)
_LOOPBACK = frozenset({"127.0.0.1", "::1"})

# A resolver cannot be interrupted, and makers choose the names: slow ones hold up no other threads.
_RESOLVING = ThreadPoolExecutor(max_workers=16, thread_name_prefix="webhook-names")

Resolve = Callable[[str, int], Awaitable[list[str]]]


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, from the system's resolver. Raises OSError."""
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_RESOLVING, ask)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class WebhookChannel:
    """Posts notifications to the URLs of accounts.

    Args:
        allow_loopback: also to this machine; for the local platform.
        tls: verifies receivers; by default against the public authorities.
        resolve: finds addresses.
    """

    def __init__(
        self,
        *,
        allow_loopback: bool = False,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve = resolve,
    ) -> None:
        self._allow_loopback = allow_loopback
        self._tls = tls or ssl.create_default_context(cafile=certifi.where())
        self._resolve = resolve

    async def send(self, delivery: Delivery) -> None:
        """Post the notification; only a status of 2xx counts as taken.

        Raises:
            SpellError: DELIVERY_FAILED; DELIVERY_REFUSED, the receiver answered 410 Gone.
        """
        try:
            async with asyncio.timeout(_SECONDS_MAX):
                status = await self._post(delivery)
        except TimeoutError as error:
            raise _failed(f"There was no answer within {_SECONDS_MAX:.0f} s.") from error
        except (OSError, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise _failed(f"The receiver cannot be reached ({type(error).__name__}).") from error
        except httpcore.TimeoutException as error:
            raise _failed("The receiver does not answer.") from error
        if status == _GONE:
            raise SpellError("DELIVERY_REFUSED", "The receiver answered 410 Gone.")
        if status not in _OK:
            raise _failed(f"The receiver answered {status}.")

    async def _post(self, delivery: Delivery) -> int:
        target = webhook_target(delivery.destination.address)
        address = await self._address(target)
        body = json.dumps(event_of(delivery.notification), ensure_ascii=False).encode()
        headers = {
            "Host": target.authority,
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "User-Agent": "spell-platform",
            **signed_headers(
                delivery.notification, delivery.destination.secret, int(time.time()), body
            ),
        }
        async with httpcore.AsyncHTTPConnection(
            origin=httpcore.Origin(b"https", target.host.encode(), target.port),
            ssl_context=self._tls,
            network_backend=_Pinned(address),
        ) as connection:
            url = httpcore.URL(
                scheme=b"https",
                host=target.host.encode(),
                port=target.port,
                target=target.path.encode(),
            )
            async with connection.stream(
                "POST", url, headers=list(headers.items()), content=body
            ) as response:
                return int(response.status)

    async def _address(self, target: WebhookTarget) -> str:
        """The address to connect to; refused when any of the name's addresses is not public."""
        addresses = await self._resolve(target.host, target.port)
        if not addresses or not all(map(self._may_reach, addresses)):
            raise _failed("The URL does not lead to an address on the public internet.")
        return addresses[0]

    def _may_reach(self, address: str) -> bool:
        return is_public(address) or (self._allow_loopback and address in _LOOPBACK)


class _Pinned(httpcore.AsyncNetworkBackend):
    """Connects to one address, whatever host it is asked for; TLS verifies the host's name."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the pinned address."""
        del host, timeout, local_address
        return await self._network.connect_tcp(
            self._address, port, timeout=_CONNECT_SECONDS_MAX, socket_options=socket_options
        )


def signed_headers(
    notification: Notification, secret: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """The three headers of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`.

    Args:
        notification: its id is the message's, the same at every attempt.
        secret: `whsec_` and base64.
        timestamp: of this attempt, in seconds since 1970.
        body: as it is sent.
    """
    content = f"{notification.id}.{timestamp}.".encode() + body
    mac = hmac.new(secret_bytes(secret), content, hashlib.sha256).digest()
    return {
        "webhook-id": notification.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": "v1," + base64.b64encode(mac).decode("ascii"),
    }


def _failed(message: str) -> SpellError:
    return SpellError("DELIVERY_FAILED", message)
