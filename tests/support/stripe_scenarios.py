"""One run of the workflow that looks after Stripe's events; see `scenarios.py`."""

import secrets
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from activities.inbox import InboxActivities
from infra.postgres import Database
from infra.repositories.stripe_events import PostgresStripeEvents
from schema.contracts.stripe_events import StripeDelivery
from schema.ids import purchase_id_for
from workflows.relay_stripe_events import RelayStripeEvents


class ToldHints:
    """A port `PaymentHints` that remembers whose payments it was told to look at."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def payment_settled(self, purchase_id: str) -> None:
        self.told.append(purchase_id)


async def stripe_events_relayed(client: Client, database: Database) -> WorkflowHandle[Any, Any]:
    """An event whose process died before it was handled is found, and passed on."""
    events, hints, queue = PostgresStripeEvents(database), ToldHints(), secrets.token_hex(8)
    unique = secrets.token_hex(8)
    purchase_id = purchase_id_for(f"acct_{'a' * 16}", b"secret", unique)
    left = StripeDelivery(
        event_id=f"evt_{unique}", kind="checkout.session.completed", purchase_id=purchase_id
    )
    await events.receive(left)
    await events.release(left.event_id)
    worker = Worker(
        client,
        task_queue=queue,
        workflows=[RelayStripeEvents],
        activities=[InboxActivities(events, hints).relay],
    )
    async with worker:
        handle = await client.start_workflow(
            RelayStripeEvents.run, id=f"relay-stripe-events-{unique}", task_queue=queue
        )
        report = await handle.result()
    assert purchase_id in hints.told
    assert report.handled
    return handle


STRIPE_SCENARIOS = (stripe_events_relayed,)
