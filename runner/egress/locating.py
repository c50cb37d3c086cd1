"""Where a host is: its addresses, found once and all of them checked."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from runner.egress.refused import RefusedError
from runner.egress.targets import HTTPS_PORT
from schema.addresses import is_public

RESOLVER_FILE = "/etc/resolv.conf"
_ENDPOINTS_MAX = 4


@dataclass(frozen=True)
class Endpoint:
    """What is connected to: an address, never a name."""

    address: str
    port: int = HTTPS_PORT


Resolve = Callable[[str], Awaitable[list[str]]]
"""From a name to its addresses, in the order of preference; OSError when there are none."""


async def resolve(host: str) -> list[str]:
    """Ask the system's resolver.

    It is asked for the name from the root (with a final dot): no search domain, no line of
    /etc/hosts makes another name of it. How long it may take is set for the whole process.
    """
    found = await asyncio.get_running_loop().getaddrinfo(
        f"{host}.", HTTPS_PORT, type=socket.SOCK_STREAM
    )
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Locator:
    """Finds endpoints that may be connected to.

    Args:
        static_hosts: the operator's own; taken as they are, whatever the address.
        resolve: asked once for every hop of a request.
    """

    def __init__(self, static_hosts: Mapping[str, Endpoint], resolve: Resolve = resolve) -> None:
        self._static_hosts = static_hosts
        self._resolve = resolve

    async def endpoints(self, host: str) -> list[Endpoint]:
        """Where to connect for a host, the best first.

        Raises:
            RefusedError: `unreachable` without an address; `denied` when any of them, even one
                beside public ones, is not public.
        """
        if host in self._static_hosts:
            return [self._static_hosts[host]]
        try:
            addresses = await self._resolve(host)
        except (OSError, UnicodeError) as error:
            raise RefusedError("unreachable") from error
        if not addresses:
            raise RefusedError("unreachable")
        if not all(map(is_public, addresses)):
            raise RefusedError("denied")
        return [Endpoint(address) for address in addresses[:_ENDPOINTS_MAX]]
