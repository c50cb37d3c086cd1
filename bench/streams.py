"""What 2,000 idle event streams cost one api process, and how soon all of them see an event.

The floor is a bare asyncio server that holds as many connections and writes the same bytes to all
of them: what no server in Python on this machine does better. Both are measured in one run; what
counts are the ratios. `python -m bench.streams [--streams 2000] [--seconds 30]`.
"""

import argparse
import asyncio
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from bench.bare_streams import EVENT, START
from tests.support.e2e import Caster, WholePlatform, whole_platform
from tests.support.event_writing import EventWriter, event_writer

_CONNECTING_AT_ONCE = 50
_NEWS = b"event: progress\ndata: "
Told = Callable[[], Awaitable[None]]


class Streams:
    """Open connections that wait for an event."""

    def __init__(self, port: int, request: bytes) -> None:
        self._port = port
        self._request = request
        self._readers: list[asyncio.StreamReader] = []
        self._stack = AsyncExitStack()

    async def open(self, number: int) -> None:
        """Open so many more."""
        places = asyncio.Semaphore(_CONNECTING_AT_ONCE)

        async def one() -> None:
            async with places:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                self._stack.callback(writer.close)
                writer.write(self._request)
                await reader.readuntil(b"event: running\ndata: ")
                self._readers.append(reader)

        await asyncio.gather(*(one() for _ in range(number)))

    async def see(self, tell: Told) -> float:
        """Seconds from before an event is written until the last of them has it."""
        waiting = [asyncio.create_task(reader.readuntil(_NEWS)) for reader in self._readers]
        begun = time.perf_counter()
        await tell()
        await asyncio.gather(*waiting)
        return time.perf_counter() - begun

    async def close(self) -> None:
        """Close all of them."""
        await self._stack.aclose()


async def measure(
    process: psutil.Process, streams: Streams, tell: Told, arguments: argparse.Namespace
) -> tuple[float, float, float]:
    """(KiB per stream, CPU percent while idle, median seconds until all have seen an event)."""
    await streams.open(10)
    await streams.see(tell)
    before = process.memory_info().rss
    await streams.open(arguments.streams - 10)
    memory = (process.memory_info().rss - before) / 1024 / (arguments.streams - 10)
    cpu = sum(process.cpu_times()[:2])
    await asyncio.sleep(arguments.seconds)
    idle = (sum(process.cpu_times()[:2]) - cpu) / arguments.seconds * 100
    seen = sorted([await streams.see(tell) for _ in range(5)])[2]
    await streams.close()
    return memory, idle, seen


async def _of_api(
    platform: WholePlatform, writer: EventWriter, arguments: argparse.Namespace
) -> tuple[float, float, float]:
    caster: Caster = await platform.new_caster(10_000_000)
    cast_id = (await caster.admitted(await platform.spell("sleeper")))["cast_id"]
    await caster.events(cast_id, until="running")
    request = (
        f"GET /v1/casts/{cast_id}/events HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {caster.headers['Authorization']}\r\n\r\n"
    )
    streams = Streams(platform.embedded.context.ports["api"], request.encode())
    api = psutil.Process(platform.embedded.pids()["api"])
    return await measure(api, streams, lambda: writer.report(cast_id, 1), arguments)


async def _of_floor(arguments: argparse.Namespace) -> tuple[float, float, float]:
    floor = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.bare_streams"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert floor.stdin is not None
    assert floor.stdout is not None
    stdin, port = floor.stdin, int(await floor.stdout.readline())

    async def tell() -> None:
        stdin.write(b"\n")
        await stdin.drain()

    streams = Streams(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    try:
        return await measure(psutil.Process(floor.pid), streams, tell, arguments)
    finally:
        floor.terminate()
        await floor.wait()


async def main() -> None:
    """Start a platform and the floor, measure both, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="of idleness")
    arguments = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65_536)), hard))
    external = {
        "SPELL_STREAMS_PER_ACCOUNT_MAX": str(arguments.streams + 10),
        "SPELL_STREAMS_MAX": str(arguments.streams + 10),
    }
    with TemporaryDirectory() as folder:
        async with whole_platform(Path(folder) / "data", external) as platform:
            async with event_writer(platform) as writer:
                api = await _of_api(platform, writer, arguments)
            floor = await _of_floor(arguments)
    for name, (memory, idle, seen) in (("api", api), ("floor", floor)):
        print(
            f"{name:<6} {arguments.streams} streams: {memory:6.1f} KiB each,"
            f" {idle:5.2f} % of a core while idle, {seen * 1000:7.1f} ms until all saw an event"
        )
    print(
        f"ratios to the floor: memory {api[0] / floor[0]:.1f}, all saw it {api[2] / floor[2]:.1f};"
        f" frames of {len(EVENT)} bytes after {len(START)}"
    )


if __name__ == "__main__":
    asyncio.run(main())
