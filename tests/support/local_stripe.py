"""The local Stripe in this process, on a port of its own, with its control for tests."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import stripe
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra.embedded.stripe.server import LocalStripe, StripeOptions
from infra.embedded.stripe.store import Store
from infra.stripe.checkout import StripeCheckout
from infra.stripe.http import FormBodies

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

    def client(self, key: str = KEY, **options: Any) -> stripe.StripeClient:
        """The official client, which tries each call once."""
        options = {"http_client": FormBodies(timeout=10), "max_network_retries": 0, **options}
        return stripe.StripeClient(key, base_addresses={"api": self.url}, **options)

    async def pay(self, session_id: str, **how: object) -> dict[str, Any]:
        """Pay as the buyer does on the page: `card`, `authenticated`."""
        return await self._post(f"/_local/sessions/{session_id}/pay", how)

    async def fault(self, place: str, kind: str, times: int = 1) -> None:
        """Order a fault."""
        await self._post("/_local/faults", {"place": place, "kind": kind, "times": times})

    async def _post(self, path: str, body: dict[str, object]) -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(self.url + path, json=body, headers=self._headers)
            answer.raise_for_status()
            answered: dict[str, Any] = answer.json()
            return answered

    def refunds(self) -> list[dict[str, object]]:
        """All refunds."""
        return self.store.newest("refund")

    def sessions(self) -> list[dict[str, object]]:
        """All pages."""
        return self.store.newest("checkout.session")


def a_session(**changes: Any) -> dict[str, Any]:
    """What a page is opened with."""
    price = {"currency": "usd", "unit_amount": 2000, "product_data": {"name": "A template"}}
    return {
        "mode": "payment",
        "client_reference_id": "reference",
        "metadata": {"purchase_id": "reference"},
        "payment_intent_data": {"metadata": {"purchase_id": "reference"}},
        "line_items": [{"quantity": 1, "price_data": price}],
        "expires_at": int(time.time()) + 3600,
        "success_url": "http://127.0.0.1:9/paid",
        "cancel_url": "http://127.0.0.1:9/left",
        **changes,
    }


@asynccontextmanager
async def running_stripe(
    folder: Path, *, webhook_url: str = "http://127.0.0.1:9/none"
) -> AsyncIterator[StripeForTests]:
    """A local Stripe until the end of the block."""
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    store = Store(folder / "stripe.sqlite")
    options = StripeOptions(url=url, key=KEY, webhook_url=webhook_url, webhook_secret=SECRET)
    async with _serving(LocalStripe(store, options).app(), listening):
        yield StripeForTests(url, store)


class Receiver:
    """Takes webhooks, and answers what the test says, then 200."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: list[int] = []
        self.taken: list[tuple[bytes, str]] = []
        """Body and signature of each delivery, whatever was answered."""
        self._came = asyncio.Condition()

    async def take(self, request: Request) -> Response:
        async with self._came:
            self.taken.append((await request.body(), request.headers["stripe-signature"]))
            self._came.notify_all()
        return Response(status_code=self.answers.pop(0) if self.answers else 200)

    def kinds(self) -> list[str]:
        """What was told of, in the order in which it came."""
        return [json.loads(body)["type"] for body, _ in self.taken]

    async def until(self, fits: Callable[["Receiver"], bool]) -> None:
        """Wait until what came fits."""
        async with self._came, asyncio.timeout(20):
            await self._came.wait_for(lambda: fits(self))


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver of webhooks until the end of the block."""
    listening = socket.create_server(("127.0.0.1", 0))
    receiver = Receiver(f"http://127.0.0.1:{listening.getsockname()[1]}/hook")
    app = Starlette(routes=[Route("/hook", receiver.take, methods=["POST"])])
    async with _serving(app, listening):
        yield receiver


@asynccontextmanager
async def _serving(app: Starlette, listening: socket.socket) -> AsyncIterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110  (uvicorn tells in no other way)
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await serving
