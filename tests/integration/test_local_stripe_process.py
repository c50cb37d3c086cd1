"""Goal: the local Stripe as `spell dev` runs it survives its end. Method: start it, kill it."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import stripe

from infra.embedded.stripe.files import KEY, WEBHOOK_SECRET, WEBHOOK_URL
from infra.stripe.http import FormBodies
from tests.support.local_stripe import SECRET, a_session, receiving

ROOT = Path(__file__).parents[2]
NEW: Any = a_session()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def process(folder: Path, port: int, hook: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The process, in an environment of its own, once it answers."""
    environment = {
        "PATH": os.environ["PATH"],
        KEY: "sk_local",
        WEBHOOK_URL: hook,
        WEBHOOK_SECRET: SECRET,
    }
    command = (sys.executable, "-m", "infra.embedded.stripe", str(folder), str(port))
    started = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment)
    try:
        await _answers(f"http://127.0.0.1:{port}/health")
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def _answers(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(30):
        while True:
            try:
                (await http.get(url)).raise_for_status()
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


def client(port: int) -> stripe.StripeClient:
    address: Any = {"api": f"http://127.0.0.1:{port}"}
    return stripe.StripeClient("sk_local", base_addresses=address, http_client=FormBodies())


async def test_what_was_answered_is_there_after_kill_9_and_what_was_not_told_is_told(
    tmp_path: Path,
) -> None:
    port, options = free_port(), {"idempotency_key": "page"}
    nobody = f"http://127.0.0.1:{free_port()}/"
    async with process(tmp_path, port, nobody) as running:
        sessions = client(port).v1.checkout.sessions
        made = await sessions.create_async(params=NEW, options=options)  # type: ignore[arg-type]
        await sessions.expire_async(made.id)
        running.kill()
    async with receiving() as receiver, process(tmp_path, port, receiver.url) as running:
        sessions = client(port).v1.checkout.sessions
        assert (await sessions.retrieve_async(made.id)).status == "expired"
        again = await sessions.create_async(params=NEW, options=options)  # type: ignore[arg-type]
        assert again.id == made.id
        await receiver.until(lambda it: it.kinds() == ["checkout.session.expired"])
        running.send_signal(signal.SIGTERM)
        assert await running.wait() in (0, -signal.SIGTERM)
