"""One run of every workflow of purchases for every way it can end; see `scenarios.py`."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle

from infra.postgres import Database
from schema.contracts.purchases import PayWith, PurchaseInput
from schema.errors import SpellError
from tests.support.builders import make_person
from tests.support.local_stripe import StripeForTests, running_stripe
from tests.support.purchasing import PRICE, PurchasingPlatform, a_purchase, publish_template

Handle = WorkflowHandle[Any, Any]


@asynccontextmanager
async def _selling(
    client: Client, database: Database, **changes: Any
) -> AsyncIterator[tuple[PurchasingPlatform, StripeForTests, PurchaseInput]]:
    """A worker, where to pay, and a purchase that can be asked for."""
    key = await publish_template(database, await make_person(database))
    buyer = await make_person(database, credit_micros=PRICE)
    with tempfile.TemporaryDirectory() as folder:
        async with running_stripe(Path(folder)) as stripe:
            platform = PurchasingPlatform(client, database, stripe.checkout())
            async with platform.worker:
                yield platform, stripe, a_purchase(buyer, key, **changes)


async def purchase_paid_by_card(client: Client, database: Database) -> Handle:
    async with _selling(client, database) as (platform, stripe, request):
        handle = await platform.ready(request)
        await stripe.pay(await platform.session_of(request))
        await handle.signal("payment_settled")
        await handle.result()
        return handle


async def purchase_paid_by_credit(client: Client, database: Database) -> Handle:
    async with _selling(client, database, pay_with=PayWith.CREDIT) as (platform, _, request):
        handle = await platform.ready(request)
        await handle.result()
        return handle


async def purchase_abandoned(client: Client, database: Database) -> Handle:
    async with _selling(client, database) as (platform, _, request):
        handle = await platform.ready(request)
        await handle.result()
        return handle


async def purchase_cancelled(client: Client, database: Database) -> Handle:
    async with _selling(client, database) as (platform, _, request):
        handle = await platform.ready(request)
        await handle.execute_update("cancel")
        await handle.result()
        return handle


async def purchase_cancelled_by_the_operator(client: Client, database: Database) -> Handle:
    async with _selling(client, database) as (platform, _, request):
        handle = await platform.ready(request)
        await handle.cancel()
        await handle.result()
        return handle


async def purchase_refunded(client: Client, database: Database) -> Handle:
    async with _selling(client, database) as (platform, stripe, request):
        platform.github.refuses = SpellError("GENERATION_FAILED")
        handle = await platform.ready(request)
        await stripe.pay(await platform.session_of(request))
        await handle.signal("payment_settled")
        await handle.result()
        return handle


async def purchase_refused(client: Client, database: Database) -> Handle:
    async with _selling(client, database) as (platform, _, request):
        platform.connected.is_connected = False
        handle = await platform.start(request)
        await platform.answer(handle, request)
        await handle.result()
        return handle


async def late_payment_returned(client: Client, database: Database) -> Handle:
    async with _selling(client, database) as (platform, stripe, request):
        handle = await platform.ready(request)
        session = await platform.session_of(request)
        await platform.payments.released(request.purchase_id)
        await handle.terminate()
        await stripe.pay(session)
        return await platform.return_late(request.purchase_id)


async def purchases_reconciled(client: Client, database: Database) -> Handle:
    async with _selling(client, database) as (platform, _, request):
        await (await platform.ready(request)).terminate()
        return await platform.look_for_orphans()


PURCHASE_SCENARIOS = (
    purchase_paid_by_card,
    purchase_paid_by_credit,
    purchase_abandoned,
    purchase_cancelled,
    purchase_cancelled_by_the_operator,
    purchase_refunded,
    purchase_refused,
    late_payment_returned,
    purchases_reconciled,
)
