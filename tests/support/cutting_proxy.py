"""A TCP proxy that breaks connections off after so many bytes of the answer."""

import asyncio
from collections.abc import AsyncIterator, Iterable
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
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on."""
        left = self.cuts.pop(0) if self.cuts else None
        try:
            inner = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, inner[1]}
        self._open |= ends
        sending = asyncio.create_task(_pump(reader, inner[1]))
        try:
            await self._answer(inner[0], writer, left)
        finally:
            sending.cancel()
            await _closed(ends)
            self._open -= ends

    async def close(self) -> None:
        """End all connections."""
        await _closed(self._open)

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


async def _closed(writers: Iterable[asyncio.StreamWriter]) -> None:
    for writer in list(writers):
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def cutting_proxy(target_port: int, cuts: list[int]) -> AsyncIterator[CuttingProxy]:
    """The proxy, on a free port of loopback."""
    proxy = CuttingProxy(target_port, cuts)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    async with server:
        yield proxy
        await proxy.close()
