"""The egress process: makes guests' requests for the supervisor, many at a time.

Run as `python -m runner.egress.child`, with the channel as standard input and output. It has the
network and nothing else: no key, no credential, no file but the resolver's, no program.
"""

import asyncio
import contextlib
import ctypes
import os
import socket
import sys
import threading
import traceback
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import anyio._backends._asyncio  # noqa: F401 - imported when first used, which is too late

from runner.egress.fetching import Fetcher, tls_context
from runner.egress.frames import BODY_BYTES_MAX, answer_frame, read_fetch
from runner.egress.locating import RESOLVER_FILE, Endpoint, Locator
from runner.egress.messages import FetchAnswer
from runner.egress.targets import HTTPS_PORT, subject_of
from runner.processes.channel import Channel
from runner.processes.wire import Frame, read_frame, take_channel
from runner.sandbox import confinement
from schema.limits import MIB

_DNS_PORT = 53
_RESOLVER_FILES = (
    RESOLVER_FILE,
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/gai.conf",
)
_RESOLVER_LIBRARIES = ("libnss_files.so.2", "libnss_dns.so.2")
# glibc's own bounds of a lookup, which nothing can interrupt: two rounds of two seconds.
_RESOLVER_OPTIONS = "timeout:2 attempts:2"
_LOOKUPS_MAX = 64
_STACK_BYTES = MIB // 2
_OPEN_FILES = 512


def main() -> None:
    """Get ready, give up everything else, then serve until the supervisor closes the channel."""
    layers = confinement.leave_shared_namespaces(network=False)
    confinement.die_with_parent()
    confinement.hide_memory()
    channel = take_channel()
    order = read_frame(channel)
    if order is None:
        return
    static_hosts = {host: Endpoint(*place) for host, place in order.head["hosts"].items()}
    fetcher = Fetcher(Locator(static_hosts), tls_context(order.first.decode()))
    _prepare()
    layers += _give_up(static_hosts)
    asyncio.run(_serve(socket.socket(fileno=channel), fetcher, layers))


def _prepare() -> None:
    """Have loaded whatever is loaded from files when it is first used."""
    os.environ["RES_OPTIONS"] = _RESOLVER_OPTIONS
    threading.stack_size(_STACK_BYTES)
    for library in _RESOLVER_LIBRARIES:
        with contextlib.suppress(OSError):  # part of libc itself since 2.34
            ctypes.CDLL(library)
    socket.getaddrinfo("localhost", HTTPS_PORT)
    subject_of("https://\u00e4.example")  # the tables of international names


def _give_up(static_hosts: Mapping[str, Endpoint]) -> list[str]:
    confinement.limit_resources(open_files=_OPEN_FILES)
    ports = {HTTPS_PORT, _DNS_PORT} | {place.port for place in static_hosts.values()}
    return confinement.give_up_privileges(
        confinement.Reach(internet=True, ports=frozenset(ports), files=_RESOLVER_FILES)
    )


class _Server:
    """Runs the fetches that are asked for."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._fetches: dict[int, asyncio.Task[None]] = {}
        self._closed = asyncio.Event()
        self._channel = Channel(BODY_BYTES_MAX, self._take, self._closed.set)

    async def serve(self, end: socket.socket, layers: list[str]) -> None:
        """Say that the process is ready, and serve until the channel closes."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_LOOKUPS_MAX))
        await self._channel.open(end)
        self._channel.send(Frame({"confinement": layers}))
        await self._closed.wait()
        # Nobody waits any more, not even for lookups that still hold threads.
        os._exit(0)

    def _take(self, frame: Frame) -> None:
        """Begin a fetch, or end one that nobody waits for."""
        match frame.head:
            case {"fetch": int(number)}:
                task = asyncio.get_running_loop().create_task(self._fetch(number, frame))
                self._fetches[number] = task
                task.add_done_callback(lambda _: self._fetches.pop(number))
            case {"cancel": int(number)} if number in self._fetches:
                self._fetches[number].cancel()

    async def _fetch(self, number: int, frame: Frame) -> None:
        try:
            fetch = read_fetch(frame)
            answer = await self._fetcher.fetch(fetch.request, fetch.bounds)
        except Exception:  # noqa: BLE001 - one request, whatever it met, must not end the others
            _report()
            answer = FetchAnswer(refusal="unreachable")
        self._channel.send(answer_frame(number, answer))


def _report() -> None:
    """Leave last words, while there is room for them."""
    with contextlib.suppress(OSError):
        traceback.print_exc(file=sys.stderr)


async def _serve(end: socket.socket, fetcher: Fetcher, layers: list[str]) -> None:
    await _Server(fetcher).serve(end, layers)


if __name__ == "__main__":
    main()
