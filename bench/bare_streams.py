"""The floor of `bench.streams`: a bare server of event streams, told by a line on stdin."""

import asyncio
import sys

START = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    b'id: 3\nevent: running\ndata: {"at": "2026-11-25T00:00:00.000000+00:00"}\n\n'
)
EVENT = (
    b'id: 4\nevent: progress\ndata: {"report": {"number": 1, "note": ""},'
    b' "at": "2026-11-25T00:00:00.000000+00:00"}\n\n'
)
HEARTBEAT_SECONDS = 15.0


async def main() -> None:
    """Serve until the end of stdin."""
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(START)
        writers.add(writer)
        while not reader.at_eof():
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await reader.read(1)
            except TimeoutError:
                writer.write(b": heartbeat\n\n")
        writers.discard(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with server:
        while await lines.readline():
            for writer in writers:
                writer.write(EVENT)


if __name__ == "__main__":
    asyncio.run(main())
