"""A TCP proxy that breaks connections off after so many bytes of the answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class CuttingProxy:
    """In front of one port of this machine.

    Attributes:
        target_port: where it passes connections on to.
        cuts: bytes of answers after which the next connections are cut; then none is.
        made: how many it has cut.
    """

    target_port: int
    cuts: list[int]
    made: int = 0
    port: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on."""
        left = self.cuts.pop(0) if self.cuts else None
        try:
            inner_reader, inner_writer = await asyncio.open_connection(
                "127.0.0.1", self.target_port
            )
        except OSError:
            writer.transport.abort()
            return
        sending = asyncio.create_task(_pump(reader, inner_writer))
        self._tasks.add(sending)
        sending.add_done_callback(self._tasks.discard)
        await self._answer(inner_reader, writer, left)
        sending.cancel()
        inner_writer.transport.abort()
        writer.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int | None
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(65_536):
                if left is not None and len(piece) >= left:
                    writer.write(piece[:left])
                    await writer.drain()
                    self.made += 1
                    return
                left = None if left is None else left - len(piece)
                writer.write(piece)
                await writer.drain()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()


@asynccontextmanager
async def cutting_proxy(target_port: int, cuts: list[int]) -> AsyncIterator[CuttingProxy]:
    """The proxy, on a free port of loopback."""
    proxy = CuttingProxy(target_port, cuts)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    async with server:
        yield proxy
