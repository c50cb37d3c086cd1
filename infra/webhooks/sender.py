"""One attempt at delivering a webhook, signed as Standard Webhooks says.

An account may name any URL, so the platform asks it as it asks for guests: https only, every
address of the name on the public internet, and the connection made to the very address that was
checked. A redirect is a failure, and what is answered is read only as far as its status.
"""

# ruff: noqa: ASYNC109 - httpcore hands timeouts down.

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import certifi
import httpcore

from infra.vault import PlatformVault
from infra.webhooks.bodies import body_bytes
from infra.webhooks.keys import signing_key
from infra.webhooks.signing import signed_headers
from schema import limits
from schema.addresses import is_public
from schema.contracts.webhooks import AttemptResult, WebhookDelivery
from schema.webhook_targets import WebhookTarget, webhook_target

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


class WebhookSender:
    """Posts messages to the URLs of accounts (port `WebhookSender`).

    Args:
        vault: has the accounts' signing keys.
        public_url: where the api is reached from outside, for links.
        allow_loopback: also to this machine; for the local platform.
        tls: verifies receivers; by default against the public authorities.
        resolve: finds addresses.
    """

    def __init__(
        self,
        vault: PlatformVault,
        public_url: str,
        *,
        allow_loopback: bool = False,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve = resolve,
    ) -> None:
        self._vault = vault
        self._public_url = public_url
        self._allow_loopback = allow_loopback
        self._tls = tls or ssl.create_default_context(cafile=certifi.where())
        self._resolve = resolve

    async def send(self, delivery: WebhookDelivery) -> AttemptResult:
        """Post the message once; only a status of 2xx counts as taken."""
        began = time.monotonic()
        status, error = await self._answer(delivery)
        took = int((time.monotonic() - began) * 1000)
        return AttemptResult(status_code=status, milliseconds=took, error=error)

    async def _answer(self, delivery: WebhookDelivery) -> tuple[int | None, str | None]:
        """The status, and what is wrong, in words that hold nothing of URL or answer."""
        try:
            async with asyncio.timeout(limits.WEBHOOK_SECONDS_MAX):
                status = await self._post(delivery)
        except _NotPublicError:
            return None, "The URL does not lead to an address on the public internet."
        except (TimeoutError, httpcore.TimeoutException):
            return None, f"There was no answer within {limits.WEBHOOK_SECONDS_MAX:.0f} s."
        except (OSError, httpcore.NetworkError, httpcore.ProtocolError) as error:
            return None, f"The receiver cannot be reached ({type(error).__name__})."
        except Exception as error:  # noqa: BLE001  (whatever it is, its words may be the URL)
            return None, f"It could not be sent ({type(error).__name__})."
        if status == _GONE:
            return status, "The receiver answered 410 Gone."
        return status, None if status in _OK else f"The receiver answered {status}."

    async def _post(self, delivery: WebhookDelivery) -> int:
        target = webhook_target(delivery.destination.url)
        address = await self._address(target)
        body = body_bytes(delivery.message, self._public_url)
        headers = {
            "Host": target.authority,
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "User-Agent": "spell-platform",
            **self._signatures(delivery, body),
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

    def _signatures(self, delivery: WebhookDelivery, body: bytes) -> dict[str, str]:
        destination = delivery.destination
        return signed_headers(
            delivery.message.id,
            int(time.time()),
            body,
            destination.secrets,
            signing_key(self._vault, destination.account_id),
        )

    async def _address(self, target: WebhookTarget) -> str:
        """The address to connect to; refused when any of the name's addresses is not public."""
        addresses = await self._resolve(target.host, target.port)
        if not addresses or not all(map(self._may_reach, addresses)):
            raise _NotPublicError
        return addresses[0]

    def _may_reach(self, address: str) -> bool:
        return is_public(address) or (self._allow_loopback and address in _LOOPBACK)


class _NotPublicError(Exception):
    """The host's addresses are not all on the public internet."""


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
