"""Delivers events to the one webhook endpoint, again until it takes them."""

import asyncio
import logging

import httpx

from infra.embedded.stripe.events import signed
from infra.embedded.stripe.store import Store

_log = logging.getLogger(__name__)
_PAUSE_SECONDS = 0.1
_TIMEOUT_SECONDS = 10.0
_ATTEMPTS_MAX = 16
_BACKOFF_SECONDS_MAX = 60.0


async def deliver(store: Store, url: str, secret: str) -> None:
    """Deliver for ever; a delivery counts once it is answered with a 2xx."""
    async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
        while True:
            for number, event_id, attempts in store.due():
                event = store.get("event", event_id)
                assert event is not None
                if await _is_taken(client, url, *signed(event, secret)):
                    store.delivered(number)
                elif attempts + 1 >= _ATTEMPTS_MAX:
                    _log.warning("event %s was never taken", event_id)
                    store.delivered(number)
                else:
                    after = min(2.0**attempts / 4, _BACKOFF_SECONDS_MAX)
                    store.deliver_again(number, after_seconds=after)
            await asyncio.sleep(_PAUSE_SECONDS)


async def _is_taken(client: httpx.AsyncClient, url: str, body: bytes, signature: str) -> bool:
    headers = {"Stripe-Signature": signature, "Content-Type": "application/json; charset=utf-8"}
    try:
        return (await client.post(url, content=body, headers=headers)).is_success
    except httpx.HTTPError:
        return False
