"""Which ports the platform listens on: last time's, else the usual ones, else free ones."""

import asyncio
import json
import random
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from infra.embedded.errors import EmbeddedPlatformError
from infra.embedded.private_file import write_private

LOOPBACK = "127.0.0.1"

USUAL_PORTS: Mapping[str, int] = {
    "api": 8080,
    "temporal": 7233,
    "temporal_http": 7243,
    "temporal_ui": 8233,
    # Not 5432: a Postgres of the machine itself may come up there later.
    "postgres": 5433,
    "nats": 4222,
    "redis": 6379,
    "sigstore": 8230,
    "stripe": 8231,
    "github": 8232,
}

# Below the kernel's range for outgoing connections (from 32768): while a server is being
# restarted, a client's own connection must not be given the server's port.
_FREE_RANGE = range(20_000, 30_000)
_FREE_ATTEMPTS = 200
# A platform that was killed a moment ago may not have let go of its ports yet.
_PATIENCE_SECONDS = 1.0


async def choose_ports(
    file: Path, names: Iterable[str], *, prefer_usual: bool = True
) -> dict[str, int]:
    """Choose a free port for each name and remember the choice.

    Args:
        file: where choices are kept between starts.
        names: keys of `USUAL_PORTS`.
        prefer_usual: try the well-known port before a random one.

    Raises:
        EmbeddedPlatformError: no free port was found.
    """
    remembered = _remembered(file)
    chosen: dict[str, int] = {}
    for name in names:
        last = remembered.get(name)
        if last is not None and last not in chosen.values() and await _gets_free(last):
            chosen[name] = last
            continue
        chosen[name] = _first_free(_candidates(name, prefer_usual=prefer_usual), chosen.values())
    write_private(file, json.dumps(remembered | chosen, indent=2))
    return chosen


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        # As servers do: connections that linger after a restart do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen()
        except OSError:
            return False
    return True


async def _gets_free(port: int) -> bool:
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while not is_free(port):
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


def _candidates(name: str, *, prefer_usual: bool) -> Iterator[int]:
    if prefer_usual:
        yield USUAL_PORTS[name]
    for _ in range(_FREE_ATTEMPTS):
        yield random.choice(_FREE_RANGE)  # noqa: S311  (a port is no secret)


def _first_free(candidates: Iterable[int], chosen: Iterable[int]) -> int:
    taken = set(chosen)
    for port in candidates:
        if port not in taken and is_free(port):
            return port
    raise EmbeddedPlatformError(
        f"No free port between {_FREE_RANGE.start} and {_FREE_RANGE.stop} on {LOOPBACK}."
    )


def _remembered(file: Path) -> dict[str, int]:
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(stored, dict):
        return {}
    return {name: port for name, port in stored.items() if isinstance(port, int)}
