"""Goal: money for a copy is kept only for a copy. Method: three matrices on `PurchaseClone`.

Fail at each step (before and after its effect), do each step twice, do each undo twice; the
activities are real, over Postgres and the local Stripe, and after every case the books and Stripe's
own objects are inspected.
"""

import asyncio

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from infra.postgres import Database
from schema.contracts.purchases import PaymentState, PayWith, PurchaseInput, PurchaseStatus
from schema.errors import SpellError
from tests.support.builders import Person
from tests.support.interceptors import StepFaults
from tests.support.local_stripe import StripeForTests
from tests.support.purchasing import (
    PRICE,
    PurchasingPlatform,
    a_purchase,
    moved,
)

BEFORE_PAYMENT = ("purchasing.open", "paying.open", "paying.look")
AFTER_PAYMENT = ("purchasing.generate", "purchasing.set_up", "purchasing.grant")
STEPS = ("purchasing.check", *BEFORE_PAYMENT, *AFTER_PAYMENT)
UNDOS = ("paying.give_back", "purchasing.end")
# In ways of their own: `test_purchase_clone.py`, `test_reconcile_purchases.py`.
ELSEWHERE = ("paying.close", "purchasing.refuse")
SHARES = {"post": PRICE * 8 // 10, "fee": PRICE * 2 // 10}


@pytest.fixture
def client(fresh: WorkflowEnvironment) -> Client:
    """On a clock of its own: Stripe has the real one."""
    return fresh.client


async def bought(
    platform: PurchasingPlatform, stripe: StripeForTests, request: PurchaseInput
) -> str | None:
    """Buy, paying as soon as there is a page; the code of its problem at the end."""
    async with platform.worker:
        handle = await platform.start(request)
        answer = await platform.answer(handle, request)
        payment = await platform.payments.payment(request.purchase_id)
        if payment is not None and payment.state is PaymentState.OPEN and answer.problem is None:
            await stripe.pay(await platform.session_of(request))
            await handle.signal("payment_settled")
        problem = (await handle.result()).problem
    return None if problem is None else problem.code


def test_the_matrix_names_every_activity_of_the_workflow() -> None:
    from activities.paying import PayingActivities
    from activities.purchasing import PurchasingActivities

    named = {
        method.__temporal_activity_definition.name
        for area in (PayingActivities, PurchasingActivities)
        for method in vars(area).values()
        if hasattr(method, "__temporal_activity_definition")
    }
    assert named == {*STEPS, *UNDOS, *ELSEWHERE}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_failure_at_each_step_keeps_nothing(
    client: Client,
    database: Database,
    stripe: StripeForTests,
    sold: tuple[Person, str],
    step: str,
    when: str,
) -> None:
    faults = StepFaults(**{f"fail_{when}": frozenset({step})})
    platform = PurchasingPlatform(client, database, stripe.checkout(), interceptors=[faults])
    request = a_purchase(*sold)
    code = await bought(platform, stripe, request)
    assert (code is None) == (step == "purchasing.set_up")
    assert faults.ran[step] == 1, "it must fail where it was told to"
    view, found = await platform.view(request), await moved(database, request.purchase_id)
    if step == "purchasing.set_up" or (step, when) == ("purchasing.grant", "after"):
        # Granted before its answer was lost, or without its pull request: the copy is the buyer's.
        assert view.status is PurchaseStatus.COMPLETED
        assert found == {"payment": PRICE, **SHARES}
        assert stripe.refunds() == []
        return
    assert view.status in (PurchaseStatus.FAILED, PurchaseStatus.REFUSED)
    assert view.entitled_at is None
    assert view.payment in (None, PaymentState.RELEASED, PaymentState.REFUNDED)
    assert found in ({}, {"payment": PRICE, "refund": PRICE})
    assert len(stripe.refunds()) == (1 if found else 0)
    assert all(page["status"] != "open" for page in stripe.sessions())
    assert faults.ran["purchasing.end"] == (0 if step == "purchasing.check" else 1)


@pytest.mark.parametrize("step", STEPS)
async def test_each_step_twice_equals_once(
    client: Client,
    database: Database,
    stripe: StripeForTests,
    sold: tuple[Person, str],
    step: str,
) -> None:
    faults = StepFaults(twice=frozenset({step}))
    platform = PurchasingPlatform(client, database, stripe.checkout(), interceptors=[faults])
    request = a_purchase(*sold)
    assert await bought(platform, stripe, request) is None
    assert faults.ran[step]
    assert (await platform.view(request)).status is PurchaseStatus.COMPLETED
    assert len(stripe.sessions()) == 1
    assert platform.github.made == [request.repository]
    assert await moved(database, request.purchase_id) == {"payment": PRICE, **SHARES}


@pytest.mark.parametrize("undo", UNDOS)
@pytest.mark.parametrize("step", [*BEFORE_PAYMENT, "purchasing.generate", "purchasing.grant"])
async def test_each_undo_twice_equals_once(
    client: Client,
    database: Database,
    stripe: StripeForTests,
    sold: tuple[Person, str],
    step: str,
    undo: str,
) -> None:
    faults = StepFaults(fail_before=frozenset({step}), twice=frozenset({undo}))
    platform = PurchasingPlatform(client, database, stripe.checkout(), interceptors=[faults])
    request = a_purchase(*sold)
    assert await bought(platform, stripe, request) is not None
    assert faults.ran[undo] == 1
    found = await moved(database, request.purchase_id)
    assert found in ({}, {"payment": PRICE, "refund": PRICE})
    assert len(stripe.refunds()) == (1 if found else 0)


@pytest.mark.parametrize("undo", UNDOS)
async def test_credit_is_given_back_once(
    client: Client, database: Database, sold: tuple[Person, str], undo: str
) -> None:
    faults = StepFaults(twice=frozenset({undo}))
    platform = PurchasingPlatform(client, database, None, interceptors=[faults])
    platform.github.refuses = SpellError("GENERATION_FAILED")
    request = a_purchase(*sold, pay_with=PayWith.CREDIT)
    async with platform.worker:
        problem = (await (await platform.start(request)).result()).problem
    assert problem is not None
    assert await moved(database, request.purchase_id) == {"hold": PRICE, "void": PRICE}


@pytest.mark.parametrize("fault", ["500", "drop"])
@pytest.mark.parametrize("place", ["/v1/checkout/sessions", "/v1/refunds"], ids=["open", "refund"])
async def test_a_call_whose_fate_is_unknown_takes_and_gives_back_once(
    client: Client,
    database: Database,
    stripe: StripeForTests,
    sold: tuple[Person, str],
    place: str,
    fault: str,
) -> None:
    """`500` strikes before Stripe does anything, `drop` after it did everything."""
    platform = PurchasingPlatform(client, database, stripe.checkout())
    platform.github.refuses = SpellError("GENERATION_FAILED")
    request = a_purchase(*sold)
    await stripe.fault(place, fault, times=2)
    assert await bought(platform, stripe, request) == "GENERATION_FAILED"
    assert len(stripe.sessions()) == 1
    assert [refund["amount"] for refund in stripe.refunds()] == [PRICE // 10_000]
    assert await moved(database, request.purchase_id) == {"payment": PRICE, "refund": PRICE}


@pytest.mark.parametrize("pay_with", list(PayWith))
async def test_cancelling_the_workflow_gives_everything_back(
    client: Client,
    database: Database,
    stripe: StripeForTests,
    sold: tuple[Person, str],
    pay_with: PayWith,
) -> None:
    platform = PurchasingPlatform(client, database, stripe.checkout())
    platform.github.go_on.clear()
    request = a_purchase(*sold, pay_with=pay_with)
    by_credit = pay_with is PayWith.CREDIT
    async with platform.worker:
        handle = await platform.ready(request)
        if by_credit:
            assert await asyncio.to_thread(platform.github.asked.wait, 30)
        await handle.cancel()
        await handle.cancel()
        problem = (await handle.result()).problem
        platform.github.go_on.set()
    assert problem is not None
    held = {"hold": PRICE, "void": PRICE} if by_credit else {}
    assert await moved(database, request.purchase_id) == held
    view = await platform.view(request)
    assert view.status is (PurchaseStatus.FAILED if by_credit else PurchaseStatus.CANCELLED)
    assert all(page["status"] == "expired" for page in stripe.sessions())
