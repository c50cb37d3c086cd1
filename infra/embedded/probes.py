"""How to ask a server whether it is ready, over plain sockets: no client library starts up."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from infra.embedded.errors import NeverReadyError, NotReadyError
from infra.embedded.ports import LOOPBACK
from infra.embedded.process_spec import Probe

_OTHER_SECRETS = "refuses its password: the data was made with another secrets.json"


def http(port: int, path: str) -> Probe:
    """Ready when `GET path` answers 200."""

    async def probe(_started_at: datetime) -> None:
        await _get(port, path)

    return probe


def temporal_polls(http_port: int, task_queue: str) -> Probe:
    """Ready when a worker that was started since polls the task queue, as Temporal sees it."""
    path = f"/api/v1/namespaces/default/task-queues/{task_queue}"

    async def probe(started_at: datetime) -> None:
        pollers = json.loads(await _get(http_port, path)).get("pollers", [])
        # Those of a worker that was killed are listed for minutes.
        if not any(datetime.fromisoformat(one["lastAccessTime"]) > started_at for one in pollers):
            raise NotReadyError

    return probe


def nats(port: int, user: str, password: str) -> Probe:
    """Ready when the NATS server has JetStream and lets `user` in."""
    login = {"user": user, "pass": password, "verbose": False, "pedantic": False, "lang": "probe"}

    async def probe(_started_at: datetime) -> None:
        async with _connection(port) as (reader, writer):
            hello = await reader.readline()
            if not json.loads(hello.removeprefix(b"INFO ")).get("jetstream"):
                raise NotReadyError
            writer.write(b"CONNECT " + json.dumps(login).encode() + b"\r\nPING\r\n")
            answer = await reader.readline()
        if answer.startswith(b"-ERR 'Authorization"):
            raise NeverReadyError(_OTHER_SECRETS)
        if not answer.startswith(b"PONG"):
            raise NotReadyError

    return probe


def redis(port: int, password: str) -> Probe:
    """Ready when the Redis server has loaded its data and lets us in."""

    async def probe(_started_at: datetime) -> None:
        async with _connection(port) as (reader, writer):
            writer.write(f"AUTH {password}\r\nPING\r\n".encode())
            answers = [await reader.readline(), await reader.readline()]
        if answers[0].startswith((b"-WRONGPASS", b"-ERR")):
            raise NeverReadyError(_OTHER_SECRETS)
        if answers != [b"+OK\r\n", b"+PONG\r\n"]:
            raise NotReadyError

    return probe


async def _get(port: int, path: str) -> bytes:
    async with _connection(port) as (reader, writer):
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {LOOPBACK}:{port}\r\n\r\n".encode())
        answer = await reader.read()
    head, _, body = answer.partition(b"\r\n\r\n")
    if head.split(maxsplit=2)[1:2] != [b"200"]:
        raise NotReadyError
    return body


@asynccontextmanager
async def _connection(
    port: int,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        yield reader, writer
    finally:
        writer.close()
