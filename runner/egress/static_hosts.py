"""The operator's own hosts: names with fixed addresses, like curl's `--resolve`."""

import ipaddress

from runner.egress.locating import Endpoint
from runner.egress.targets import HTTPS_PORT

_PORT_MAX = 65535


def read_static_hosts(text: str) -> dict[str, Endpoint]:
    """Read `host=address[:port]` entries with commas between; IPv6 addresses in brackets.

    Raises:
        ValueError: an entry is not one, or a host is there twice.
    """
    entries = [_read_entry(entry.strip()) for entry in text.split(",") if entry.strip()]
    hosts = dict(entries)
    if len(hosts) < len(entries):
        raise ValueError("a host is there twice")
    return hosts


def _read_entry(entry: str) -> tuple[str, Endpoint]:
    host, equals, place = entry.partition("=")
    if not equals or not host:
        raise ValueError(f"{entry!r} is not host=address[:port]")
    address, port = _split(place)
    if not 0 < port <= _PORT_MAX:
        raise ValueError(f"{entry!r} has no valid port")
    return host.strip().lower(), Endpoint(str(ipaddress.ip_address(address)), port)


def _split(place: str) -> tuple[str, int]:
    if place.startswith("["):
        address, _, rest = place[1:].partition("]")
        return address, int(rest.removeprefix(":") or HTTPS_PORT)
    address, _, port = place.partition(":")
    return address, int(port or HTTPS_PORT)
