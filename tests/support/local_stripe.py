"""The local Stripe in this process, on a port of its own, with its control for tests."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import uvicorn

from infra.embedded.stripe.server import LocalStripe, StripeOptions
from infra.embedded.stripe.store import Store
from infra.stripe.checkout import StripeCheckout

KEY, SECRET = "sk_of_tests", "whsec_of_tests"


class StripeForTests:
    """Where it is, and what a buyer and the network do."""

    def __init__(self, url: str, store: Store) -> None:
        self.url = url
        self.store = store
        self._headers = {"Authorization": f"Bearer {KEY}"}

    def checkout(self) -> StripeCheckout:
        """The platform's adapter to it."""
        return StripeCheckout(url=self.url, key=KEY, public_url="http://127.0.0.1:1")

    async def pay(self, session_id: str) -> None:
        """Pay as the buyer does on the page."""
        await self._post(f"/_local/sessions/{session_id}/pay", {})

    async def fault(self, place: str, kind: str, times: int = 1) -> None:
        """Order a fault."""
        await self._post("/_local/faults", {"place": place, "kind": kind, "times": times})

    async def _post(self, path: str, body: dict[str, object]) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(self.url + path, json=body, headers=self._headers)
            answer.raise_for_status()

    def refunds(self) -> list[dict[str, object]]:
        """All refunds."""
        return self.store.newest("refund")

    def sessions(self) -> list[dict[str, object]]:
        """All pages."""
        return self.store.newest("checkout.session")


@asynccontextmanager
async def running_stripe(
    folder: Path, *, webhook_url: str = "http://127.0.0.1:9/none"
) -> AsyncIterator[StripeForTests]:
    """A local Stripe until the end of the block."""
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    store = Store(folder / "stripe.sqlite")
    options = StripeOptions(url=url, key=KEY, webhook_url=webhook_url, webhook_secret=SECRET)
    config = uvicorn.Config(LocalStripe(store, options).app(), log_level="critical")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110  (uvicorn tells it by nothing else)
        await asyncio.sleep(0.01)
    try:
        yield StripeForTests(url, store)
    finally:
        server.should_exit = True
        await serving
