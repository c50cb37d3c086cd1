"""The local Stripe: its families of resources behind one gateway, pages, and `/_local`.

A family is a file of its own that fits `Family`. To add one: write it, and list it here.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette

from infra.embedded.stripe.balance_transactions import BalanceTransactions
from infra.embedded.stripe.calls import Family
from infra.embedded.stripe.charges import Charges
from infra.embedded.stripe.checkout_sessions import CheckoutSessions
from infra.embedded.stripe.control import Control
from infra.embedded.stripe.deliveries import deliver
from infra.embedded.stripe.events import Events
from infra.embedded.stripe.faults import Faults
from infra.embedded.stripe.gateway import Gateway, refused
from infra.embedded.stripe.pages import Pages
from infra.embedded.stripe.payment_intents import PaymentIntents
from infra.embedded.stripe.payment_methods import PaymentMethods
from infra.embedded.stripe.refunds import Refunds
from infra.embedded.stripe.refusal import RefusedError
from infra.embedded.stripe.store import Store


@dataclass(frozen=True)
class StripeOptions:
    """What the server is told when it starts."""

    url: str
    key: str
    webhook_url: str
    webhook_secret: str


class LocalStripe:
    """The Stripe of one account."""

    def __init__(self, store: Store, options: StripeOptions) -> None:
        self._store, self._options = store, options
        self._faults = Faults()
        self._gateway = Gateway(store, self._faults, options.key)
        events = Events(store, self._faults)
        balance, methods = BalanceTransactions(store), PaymentMethods(store)
        charges = Charges(store, events, balance)
        intents = PaymentIntents(store, events, methods, charges)
        self._sessions = CheckoutSessions(store, events, intents, options.url)
        self._families: list[Family] = [
            *(events, balance, methods, charges, intents, self._sessions),
            Refunds(store, events, charges, balance),
        ]

    def app(self) -> Starlette:
        """The ASGI application, with the deliveries beside it."""
        endpoints = [each for family in self._families for each in family.endpoints()]
        control = Control(self._store, self._gateway, self._sessions, self._faults)
        return Starlette(
            routes=[
                *(self._gateway.route(endpoint) for endpoint in endpoints),
                *Pages(self._store, self._sessions).routes(),
                *control.routes(),
            ],
            exception_handlers={RefusedError: refused},
            lifespan=self._delivering,
        )

    @asynccontextmanager
    async def _delivering(self, _app: Starlette) -> AsyncIterator[None]:
        options = self._options
        delivering = asyncio.create_task(
            deliver(self._store, options.webhook_url, options.webhook_secret)
        )
        yield
        delivering.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await delivering
