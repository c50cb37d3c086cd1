"""An S3-compatible server of its own for tests: moto, as a process on loopback."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from infra.embedded.ports import LOOPBACK

BUCKET = "spell-objects"
_READY_SECONDS = 60.0


@dataclass(frozen=True)
class ObjectServer:
    """Where it is, and the variables by which `ObjectBlobStore` finds it."""

    url: str
    environment: dict[str, str]


@asynccontextmanager
async def object_server() -> AsyncIterator[ObjectServer]:
    """The server with an empty bucket; ended by its id."""
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(port)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"]},
    )
    try:
        endpoint = f"http://{LOOPBACK}:{port}"
        await _make_bucket(endpoint)
        yield ObjectServer(
            url=f"s3://{BUCKET}/prefix",
            environment={
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_ALLOW_HTTP": "true",
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
            },
        )
    finally:
        process.terminate()
        await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


async def _make_bucket(endpoint: str) -> None:
    """Make the bucket as soon as the server listens."""
    async with asyncio.timeout(_READY_SECONDS), httpx.AsyncClient() as client:
        while True:
            try:
                (await client.put(f"{endpoint}/{BUCKET}")).raise_for_status()
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return
