"""Goal: a terminated purchase keeps nobody's money. Method: terminate some, then look."""

import asyncio

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from infra.postgres import Database
from schema.contracts.purchases import PaymentState, PayWith, PurchaseStatus
from schema.errors import SpellError
from tests.support.builders import Person
from tests.support.local_stripe import StripeForTests
from tests.support.purchasing import (
    PRICE,
    PurchasingPlatform,
    a_purchase,
    moved,
)


@pytest.fixture
def client(fresh: WorkflowEnvironment) -> Client:
    """On a clock of its own: Stripe has the real one."""
    return fresh.client


async def test_a_purchase_that_was_terminated_unpaid_is_ended_and_its_page_closed(
    client: Client, database: Database, stripe: StripeForTests, sold: tuple[Person, str]
) -> None:
    platform = PurchasingPlatform(client, database, stripe.checkout())
    doomed, waiting = a_purchase(*sold), a_purchase(*sold)
    async with platform.worker:
        handle = await platform.ready(doomed)
        left = await platform.ready(waiting)
        await handle.terminate("an operator in a hurry")
        resolved = await platform.resolved_orphans()
        assert doomed.purchase_id in resolved
        assert waiting.purchase_id not in resolved
        assert doomed.purchase_id not in await platform.resolved_orphans()
        assert (await platform.view(waiting)).status is PurchaseStatus.AWAITING_PAYMENT
        await left.execute_update("cancel")
    view = await platform.view(doomed)
    assert (view.status, view.payment) == (PurchaseStatus.FAILED, PaymentState.RELEASED)
    assert view.problem is not None
    assert view.problem.code == "INTERNAL"
    assert {page["status"] for page in stripe.sessions()} == {"expired"}


async def test_what_was_paid_for_a_terminated_purchase_goes_back_once(
    client: Client, database: Database, stripe: StripeForTests, sold: tuple[Person, str]
) -> None:
    platform, request = PurchasingPlatform(client, database, stripe.checkout()), a_purchase(*sold)
    async with platform.worker:
        handle = await platform.ready(request)
        session = await platform.session_of(request)
        await handle.terminate("an operator in a hurry")
        await stripe.pay(session)
        await stripe.fault("/v1/refunds", "drop")
        assert request.purchase_id in await platform.resolved_orphans()
    view = await platform.view(request)
    assert (view.status, view.payment) == (PurchaseStatus.FAILED, PaymentState.REFUNDED)
    assert len(stripe.refunds()) == 1
    assert await moved(database, request.purchase_id) == {"payment": PRICE, "refund": PRICE}


async def test_held_credit_of_a_terminated_purchase_comes_back(
    client: Client, database: Database, sold: tuple[Person, str]
) -> None:
    platform = PurchasingPlatform(client, database, None)
    platform.github.refuses = SpellError("SERVICE_UNAVAILABLE")
    request = a_purchase(*sold, pay_with=PayWith.CREDIT)
    async with platform.worker:
        handle = await platform.start(request)
        assert await asyncio.to_thread(platform.github.asked.wait, 30)
        await handle.terminate("an operator in a hurry")
        assert request.purchase_id in await platform.resolved_orphans()
    assert await moved(database, request.purchase_id) == {"hold": PRICE, "void": PRICE}
