"""Goal: money for a copy is taken once, for the copy, or goes back. Method: real Stripe client."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from infra.postgres import Database
from infra.repositories.revocations import PostgresRevocations
from schema.contracts.purchases import (
    OpenOrder,
    PaymentState,
    PayWith,
    PurchaseInput,
    PurchaseOrder,
    PurchaseStatus,
)
from schema.contracts.revocation import Revocation, RevocationKind, Trusted
from schema.errors import SpellError
from schema.limits import PURCHASE_PAYMENT_LIFETIME
from tests.support.builders import Person, make_person
from tests.support.local_stripe import StripeForTests
from tests.support.purchasing import (
    FREE,
    LICENSE,
    PRICE,
    PurchasingPlatform,
    a_purchase,
    moved,
    publish_template,
)

SHARES = {"post": PRICE * 8 // 10, "fee": PRICE * 2 // 10}
PAID = {"payment": PRICE, **SHARES}


@pytest.fixture
def client(fresh: WorkflowEnvironment) -> Client:
    """On a clock of its own: Stripe has the real one, and a page is open for a day of that."""
    return fresh.client


async def test_a_paid_copy_is_made_set_up_and_granted(
    client: Client, database: Database, stripe: StripeForTests, sold: tuple[Person, str]
) -> None:
    platform, request = PurchasingPlatform(client, database, stripe.checkout()), a_purchase(*sold)
    async with platform.worker:
        handle = await platform.ready(request)
        waiting = await platform.view(request)
        assert waiting.status is PurchaseStatus.AWAITING_PAYMENT
        assert waiting.checkout_url is not None
        assert waiting.checkout_url.startswith(stripe.url)
        await stripe.pay(await platform.session_of(request))
        await handle.signal("payment_settled")
        await handle.signal("payment_settled")
        assert (await handle.result()).problem is None
    view = await platform.view(request)
    assert view.status is PurchaseStatus.COMPLETED
    assert view.payment is PaymentState.POSTED
    assert view.license_url == LICENSE
    assert view.repository_url == f"https://github.example/{request.repository}"
    assert view.pull_request_url == f"{view.repository_url}/pull/1"
    assert view.entitled_at is not None
    assert await moved(database, request.purchase_id) == PAID
    assert platform.github.made == [request.repository]


async def test_a_payment_whose_webhook_was_lost_is_found(
    fresh: WorkflowEnvironment,
    database: Database,
    stripe: StripeForTests,
    sold: tuple[Person, str],
) -> None:
    platform = PurchasingPlatform(fresh.client, database, stripe.checkout())
    request = a_purchase(*sold)
    async with platform.worker:
        handle = await platform.ready(request)
        await stripe.pay(await platform.session_of(request))
        assert (await handle.result()).problem is None
    assert await moved(database, request.purchase_id) == PAID


async def test_a_purchase_that_nobody_pays_is_abandoned_and_its_page_closed(
    fresh: WorkflowEnvironment,
    database: Database,
    stripe: StripeForTests,
    sold: tuple[Person, str],
) -> None:
    platform = PurchasingPlatform(fresh.client, database, stripe.checkout())
    request = a_purchase(*sold)
    async with platform.worker:
        handle = await platform.ready(request)
        began = await fresh.get_current_time()
        problem = (await handle.result()).problem
        assert await fresh.get_current_time() - began > PURCHASE_PAYMENT_LIFETIME - timedelta(
            minutes=10
        )
    assert problem is not None
    assert problem.code == "PAYMENT_ABANDONED"
    view = await platform.view(request)
    assert (view.status, view.payment) == (PurchaseStatus.ABANDONED, PaymentState.RELEASED)
    assert stripe.sessions()[0]["status"] == "expired"
    assert await moved(database, request.purchase_id) == {}
    assert platform.github.made == []


async def test_a_copy_that_cannot_be_made_is_refunded_whole(
    client: Client, database: Database, stripe: StripeForTests, sold: tuple[Person, str]
) -> None:
    platform, request = PurchasingPlatform(client, database, stripe.checkout()), a_purchase(*sold)
    platform.github.refuses = SpellError("GENERATION_FAILED")
    await stripe.fault("/v1/refunds", "drop")
    async with platform.worker:
        handle = await platform.ready(request)
        await stripe.pay(await platform.session_of(request))
        await handle.signal("payment_settled")
        problem = (await handle.result()).problem
    assert problem is not None
    assert problem.code == "GENERATION_FAILED"
    view = await platform.view(request)
    assert (view.status, view.payment) == (PurchaseStatus.FAILED, PaymentState.REFUNDED)
    assert [refund["amount"] for refund in stripe.refunds()] == [PRICE // 10_000]
    assert await moved(database, request.purchase_id) == {"payment": PRICE, "refund": PRICE}
    assert view.entitled_at is None


async def test_a_copy_that_github_made_without_saying_so_is_found_not_made_again(
    client: Client, database: Database, stripe: StripeForTests, sold: tuple[Person, str]
) -> None:
    platform = PurchasingPlatform(client, database, stripe.checkout())
    request = a_purchase(*sold, pay_with=PayWith.CREDIT)
    platform.github.forgets_to_answer = 1
    async with platform.worker:
        assert (await (await platform.start(request)).result()).problem is None
    assert platform.github.made == [request.repository]


async def test_a_copy_that_github_made_late_is_taken_although_the_repetition_is_refused(
    client: Client, database: Database, sold: tuple[Person, str]
) -> None:
    platform = PurchasingPlatform(client, database, None)
    request = a_purchase(*sold, pay_with=PayWith.CREDIT)
    platform.github.is_slow = True
    async with platform.worker:
        assert (await (await platform.start(request)).result()).problem is None
    assert platform.github.made == [request.repository]


async def test_a_copy_that_another_purchase_made_is_not_sold_twice(
    client: Client, database: Database
) -> None:
    key = await publish_template(database, await make_person(database))
    buyer = await make_person(database, credit_micros=2 * PRICE)
    platform = PurchasingPlatform(client, database, None)
    first, second = (
        a_purchase(buyer, key, repository="buyer/copy", pay_with=PayWith.CREDIT) for _ in range(2)
    )
    platform.github.forgets_to_answer, platform.github.go_on = 1, threading.Event()
    async with platform.worker:
        handle = await platform.start(second)
        assert await asyncio.to_thread(platform.github.asked.wait, 20)
        # Both had asked when GitHub made one, and said so to the first alone.
        await made_by_hand(platform, first)
        platform.github.go_on.set()
        problem = (await handle.result()).problem
    assert problem is not None
    assert (problem.code, problem.details["cause"]) == ("GENERATION_FAILED", "REPOSITORY_EXISTS")
    assert await moved(database, second.purchase_id) == {"hold": PRICE, "void": PRICE}
    assert (await platform.view(second)).entitled_at is None


async def test_a_copy_may_have_the_name_of_an_older_one_that_is_gone(
    client: Client, database: Database
) -> None:
    key = await publish_template(database, await make_person(database), FREE)
    buyer = await make_person(database)
    platform = PurchasingPlatform(client, database, None)
    async with platform.worker:
        for _ in range(2):
            request = a_purchase(buyer, key, repository="buyer/copy")
            assert (await (await platform.start(request)).result()).problem is None
            platform.github.made.clear()


async def made_by_hand(platform: PurchasingPlatform, request: PurchaseInput) -> None:
    """What a purchase leaves on record that is as far as its copy."""
    offer = await platform.offers.find_offer(request)
    order = PurchaseOrder(request=request, offer=offer)
    assert await platform.records.open(OpenOrder(order=order, expires_at=datetime.now(UTC))) is None
    await platform.records.intend_generation(request.purchase_id)
    url = f"https://github.example/{request.repository}"
    assert await platform.records.generated(request.purchase_id, url)


async def test_what_is_revoked_while_its_page_is_open_is_paid_back_and_not_copied(
    client: Client, database: Database, stripe: StripeForTests, sold: tuple[Person, str]
) -> None:
    platform, request = PurchasingPlatform(client, database, stripe.checkout()), a_purchase(*sold)
    async with platform.worker:
        handle = await platform.ready(request)
        trusted = Trusted(kind=RevocationKind.SPELL, value=request.spell_key)
        revocation = Revocation(trusted=trusted, reason="it mines coins", by="op")
        await PostgresRevocations(database).record(revocation)
        await stripe.pay(await platform.session_of(request))
        await handle.signal("payment_settled")
        problem = (await handle.result()).problem
    assert problem is not None
    assert (problem.code, problem.details["cause"]) == ("GENERATION_FAILED", "SPELL_REVOKED")
    assert platform.github.made == []
    assert await moved(database, request.purchase_id) == {"payment": PRICE, "refund": PRICE}
    assert (await platform.view(request)).entitled_at is None


async def test_a_page_that_expired_at_stripe_ends_the_purchase_at_once(
    client: Client, database: Database, stripe: StripeForTests, sold: tuple[Person, str]
) -> None:
    platform, request = PurchasingPlatform(client, database, stripe.checkout()), a_purchase(*sold)
    async with platform.worker:
        handle = await platform.ready(request)
        await stripe.client().v1.checkout.sessions.expire_async(await platform.session_of(request))
        await handle.signal("payment_settled")
        problem = (await handle.result()).problem
    assert problem is not None
    assert problem.code == "PAYMENT_ABANDONED"
    view = await platform.view(request)
    assert (view.status, view.payment) == (PurchaseStatus.ABANDONED, PaymentState.RELEASED)


async def test_an_answer_of_stripes_that_was_lost_does_not_make_a_second_page(
    client: Client, database: Database, stripe: StripeForTests, sold: tuple[Person, str]
) -> None:
    platform, request = PurchasingPlatform(client, database, stripe.checkout()), a_purchase(*sold)
    await stripe.fault("/v1/checkout/sessions", "drop")
    await stripe.fault("/v1/checkout/sessions", "500")
    await stripe.fault("/v1/checkout/sessions", "429")
    async with platform.worker:
        handle = await platform.ready(request)
        assert len(stripe.sessions()) == 1
        await handle.execute_update("cancel")
        await handle.result()


async def test_credit_is_held_under_the_caps_and_posted(
    client: Client, database: Database, sold: tuple[Person, str]
) -> None:
    platform = PurchasingPlatform(client, database, None)
    request = a_purchase(*sold, pay_with=PayWith.CREDIT)
    async with platform.worker:
        assert (await (await platform.start(request)).result()).problem is None
        again = a_purchase(*sold, pay_with=PayWith.CREDIT)
        refused = (await (await platform.start(again)).result()).problem
    assert await moved(database, request.purchase_id) == {"hold": PRICE, **SHARES}
    assert refused is not None
    assert refused.code == "PAYMENT_REQUIRED"
    assert (await platform.view(again)).status is PurchaseStatus.REFUSED
    assert await moved(database, again.purchase_id) == {}
    assert platform.github.made == [request.repository]


async def test_credit_comes_back_when_the_copy_cannot_be_made(
    client: Client, database: Database, sold: tuple[Person, str]
) -> None:
    platform = PurchasingPlatform(client, database, None)
    platform.github.refuses = SpellError("GENERATION_FAILED")
    request = a_purchase(*sold, pay_with=PayWith.CREDIT)
    async with platform.worker:
        await (await platform.start(request)).result()
        assert await moved(database, request.purchase_id) == {"hold": PRICE, "void": PRICE}
        platform.github.refuses = None
        once_more = a_purchase(*sold, pay_with=PayWith.CREDIT)
        assert (await (await platform.start(once_more)).result()).problem is None


async def test_a_free_copy_needs_no_payment(client: Client, database: Database) -> None:
    key = await publish_template(database, await make_person(database), FREE)
    platform, request = (
        PurchasingPlatform(client, database, None),
        a_purchase(await make_person(database), key),
    )
    async with platform.worker:
        assert (await (await platform.start(request)).result()).problem is None
    view = await platform.view(request)
    assert (view.status, view.payment) == (PurchaseStatus.COMPLETED, None)
    assert view.entitled_at is not None
    assert await moved(database, request.purchase_id) == {}


@pytest.mark.parametrize("why", ["GITHUB_NOT_CONNECTED", "REPOSITORY_EXISTS", "SPELL_NOT_FOUND"])
async def test_what_cannot_be_bought_is_refused_before_anything_is_paid(
    client: Client, database: Database, stripe: StripeForTests, sold: tuple[Person, str], why: str
) -> None:
    platform = PurchasingPlatform(client, database, stripe.checkout())
    platform.connected.is_connected = why != "GITHUB_NOT_CONNECTED"
    platform.github.taken = why == "REPOSITORY_EXISTS"
    buyer, key = sold
    request = a_purchase(buyer, "com.example.nothing" if why == "SPELL_NOT_FOUND" else key)
    async with platform.worker:
        problem = (await (await platform.start(request)).result()).problem
    assert problem is not None
    assert problem.code == why
    assert (await platform.view(request)).status is PurchaseStatus.REFUSED
    assert stripe.sessions() == []


async def test_a_purchase_is_cancelled_before_it_is_paid(
    client: Client, database: Database, stripe: StripeForTests, sold: tuple[Person, str]
) -> None:
    platform, request = PurchasingPlatform(client, database, stripe.checkout()), a_purchase(*sold)
    async with platform.worker:
        handle = await platform.ready(request)
        await handle.execute_update("cancel")
        await handle.result()
    assert (await platform.view(request)).status is PurchaseStatus.CANCELLED
    assert stripe.sessions()[0]["status"] == "expired"
    assert await moved(database, request.purchase_id) == {}


async def test_a_purchase_that_is_paid_cannot_be_cancelled(
    client: Client, database: Database, stripe: StripeForTests, sold: tuple[Person, str]
) -> None:
    platform, paid = PurchasingPlatform(client, database, stripe.checkout()), a_purchase(*sold)
    async with platform.worker:
        handle = await platform.ready(paid)
        await stripe.pay(await platform.session_of(paid))
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.execute_update("cancel")
        assert (await handle.result()).problem is None
    assert await moved(database, paid.purchase_id) == PAID


async def test_a_payment_of_an_ended_purchase_goes_back_once(
    client: Client, database: Database, stripe: StripeForTests, sold: tuple[Person, str]
) -> None:
    """The page was paid while nobody could say so, and was given up here meanwhile."""
    platform, request = PurchasingPlatform(client, database, stripe.checkout()), a_purchase(*sold)
    async with platform.worker:
        handle = await platform.ready(request)
        session = await platform.session_of(request)
        await platform.payments.released(request.purchase_id)
        await handle.terminate()
        await stripe.pay(session)
        await platform.return_late(request.purchase_id)
        await platform.return_late(request.purchase_id)
    assert len(stripe.refunds()) == 1
    assert await moved(database, request.purchase_id) == {"payment": PRICE, "refund": PRICE}
