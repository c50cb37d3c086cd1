"""The network under the HTTP client: it connects to checked endpoints only, and counts bytes."""

# ruff: noqa: ASYNC109 - httpcore hands timeouts down.

import ssl
from collections.abc import Iterable, Sequence

import httpcore

from runner.egress.locating import Endpoint
from runner.egress.refused import RefusedError

_CONNECT_SECONDS_MAX = 5.0

SocketOptions = Iterable[httpcore.SOCKET_OPTION] | None


class Meter:
    """What one request has used of its bytes, over all its hops.

    Args:
        bytes_max: what it may use; the count never goes over it.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = max(0, bytes_max)
        self.used = 0

    @property
    def left(self) -> int:
        """The bytes that may still come or go."""
        return self._bytes_max - self.used

    def need(self, count: int) -> None:
        """See that so many bytes are left.

        Raises:
            RefusedError: `limit`.
        """
        if count > self.left:
            raise RefusedError("limit")

    def count(self, count: int) -> None:
        """Count bytes that have crossed the network.

        Raises:
            RefusedError: `limit`, when they are more than were left.
        """
        within = min(count, self.left)
        self.used += within
        if within < count:
            raise RefusedError("limit")


class PinnedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the given endpoints, whatever host it is asked for: no name is looked up again.

    TLS on top still asks for, and verifies, the host's name.
    """

    def __init__(self, endpoints: Sequence[Endpoint], meter: Meter) -> None:
        self._endpoints = endpoints
        self._meter = meter
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first endpoint that answers."""
        del host, port, timeout, local_address
        failure: Exception = httpcore.ConnectError("no endpoint")
        for endpoint in self._endpoints:
            try:
                stream = await self._network.connect_tcp(
                    endpoint.address,
                    endpoint.port,
                    timeout=_CONNECT_SECONDS_MAX,
                    socket_options=socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _BareStream(stream, self._meter)
        raise failure


class _BareStream(httpcore.AsyncNetworkStream):
    """A connection before TLS: good for nothing but starting it."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, meter: Meter) -> None:
        self._stream = stream
        self._meter = meter

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return _MeteredStream(stream, self._meter)

    async def aclose(self) -> None:
        await self._stream.aclose()


class _MeteredStream(httpcore.AsyncNetworkStream):
    """Plain HTTP inside TLS, counted in both directions."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, meter: Meter) -> None:
        self._stream = stream
        self._meter = meter

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        # One byte more than is left shows that there is more.
        piece = await self._stream.read(min(max_bytes, self._meter.left + 1), timeout)
        self._meter.count(len(piece))
        return piece

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._meter.count(len(buffer))
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
