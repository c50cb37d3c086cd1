"""Goal: the port `Payments` keeps its promises with Stripe, whatever gets lost on the way.

Method: the official client against the local Stripe, which loses and breaks answers on order.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from infra.stripe.checkout import StripeCheckout
from infra.stripe.http import FormBodies
from schema.contracts.purchases import CheckoutSession, Payment, PaymentState, PayWith
from schema.errors import SpellError
from schema.ids import purchase_id_for
from tests.support.local_stripe import KEY, StripeForTests, running_stripe

SESSIONS, REFUNDS = "/v1/checkout/sessions", "/v1/refunds"
ACCOUNT = f"acct_{'a' * 16}"
AGO = timedelta(hours=13)
"""Longer ago than keys are relied on."""


def a_payment(number: int = 0, **changes: Any) -> Payment:
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "purchase_id": purchase_id_for(ACCOUNT, b"secret", str(number)),
        "account_id": ACCOUNT,
        "spell_key": "com.example.template",
        "provider": PayWith.CHECKOUT,
        "state": PaymentState.INTENDED,
        "currency": "USD",
        "amount_micros": 20_000_000,
        "intended_at": now,
        "expires_at": now + timedelta(hours=23),
    }
    return Payment.model_validate({**values, **changes})


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[StripeForTests]:
    async with running_stripe(tmp_path) as running:
        yield running


@pytest.fixture
def checkout(local: StripeForTests) -> StripeCheckout:
    return local.checkout()


async def with_patience(ask: Any) -> Any:
    """Ask until it is answered, as the workflow does."""
    for _ in range(10):
        try:
            return await ask()
        except SpellError as error:
            if error.code != "SERVICE_UNAVAILABLE" or KEY in error.message:
                raise
    raise AssertionError("never answered")


async def paid(local: StripeForTests, checkout: StripeCheckout, **changes: Any) -> Payment:
    """A payment that was made, as the platform records it."""
    payment = a_payment(**changes)
    session = await checkout.open_checkout(payment)
    await local.pay(session.session_id)
    found = await checkout.look_up(payment)
    assert found is not None
    known = {"session_id": session.session_id, "payment_intent": found.payment_intent}
    return payment.model_copy(update={**known, "state": PaymentState.PAID})


async def test_a_page_takes_cards_only_so_that_nothing_is_paid_after_it_closed(
    checkout: StripeCheckout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is debited from a bank account is paid days later, when the purchase has ended."""
    sent: list[str] = []
    send = FormBodies._get_request_args_kwargs

    def noted(client: FormBodies, *request: Any) -> Any:
        sent.append(unquote(str(request[-1])))
        return send(client, *request)

    monkeypatch.setattr(FormBodies, "_get_request_args_kwargs", noted)
    await checkout.open_checkout(a_payment())
    assert [name for name in sent[0].split("&") if "payment_method_types" in name] == [
        "payment_method_types[0]=card"
    ]


async def test_a_page_asks_for_the_price_and_carries_our_id(
    local: StripeForTests, checkout: StripeCheckout
) -> None:
    payment = a_payment()
    session = await checkout.open_checkout(payment)
    assert (session.status, session.paid, session.payment_intent) == ("open", False, None)
    assert (session.amount_micros, session.currency) == (20_000_000, "USD")
    assert session.url is not None
    (page,) = local.sessions()
    assert (page["amount_total"], page["currency"]) == (2000, "usd")
    assert page["client_reference_id"] == payment.purchase_id
    assert page["metadata"] == {"purchase_id": payment.purchase_id}
    assert page["expires_at"] == int(payment.expires_at.timestamp())
    await local.pay(session.session_id)
    (intent,) = local.store.newest("payment_intent")
    assert intent["metadata"] == {"purchase_id": payment.purchase_id}


@pytest.mark.parametrize(
    ("currency", "micros", "minor"),
    [("JPY", 500_000_000, 500), ("EUR", 500_000_000, 50_000), ("KWD", 5_120_000, 5120)],
)
async def test_amounts_are_minor_units_there_and_micros_here(
    local: StripeForTests, checkout: StripeCheckout, currency: str, micros: int, minor: int
) -> None:
    payment = await paid(local, checkout, currency=currency, amount_micros=micros)
    assert local.sessions()[0]["amount_total"] == minor
    found = await checkout.look_up(payment)
    assert found is not None
    assert (found.paid, found.amount_micros, found.currency) == (True, micros, currency)
    await checkout.refund(payment)
    assert local.refunds()[0]["amount"] == minor


async def test_a_page_that_is_asked_for_again_is_the_same(
    local: StripeForTests, checkout: StripeCheckout
) -> None:
    payment = a_payment()
    opened = await asyncio.gather(*(checkout.open_checkout(payment) for _ in range(8)))
    assert len({session.session_id for session in opened}) == 1
    assert len(local.sessions()) == 1


@pytest.mark.parametrize("kind", ["drop", "500", "500_after", "502", "409", "429"])
async def test_a_page_is_opened_once_whatever_becomes_of_the_answers(
    local: StripeForTests, checkout: StripeCheckout, kind: str
) -> None:
    payment = a_payment()
    await local.fault(SESSIONS, kind, times=2)
    first = await with_patience(lambda: checkout.open_checkout(payment))
    again = await checkout.open_checkout(payment)
    assert first == again
    assert [page["id"] for page in local.sessions()] == [first.session_id]


async def test_a_stripe_that_fails_for_ever_is_given_up_for_now(
    local: StripeForTests, checkout: StripeCheckout
) -> None:
    await local.fault(SESSIONS, "500", times=1000)
    with pytest.raises(SpellError) as failed:
        await checkout.open_checkout(a_payment())
    assert failed.value.code == "SERVICE_UNAVAILABLE"
    assert local.sessions() == []


async def test_a_page_whose_parameters_changed_with_a_release_is_found(
    local: StripeForTests, checkout: StripeCheckout
) -> None:
    payment = a_payment()
    first = await checkout.open_checkout(payment)
    moved = StripeCheckout(url=local.url, key=KEY, public_url="https://elsewhere.example")
    assert await moved.open_checkout(payment) == first
    assert len(local.sessions()) == 1


async def test_what_was_intended_long_ago_is_looked_for_before_it_is_asked_for(
    local: StripeForTests, checkout: StripeCheckout
) -> None:
    payment = a_payment(intended_at=datetime.now(UTC) - AGO)
    first = await checkout.open_checkout(payment)
    # Its key has been forgotten meanwhile.
    local.store._connection.execute("DELETE FROM answers")
    assert await checkout.open_checkout(payment) == first
    assert len(local.sessions()) == 1


async def test_what_stripe_does_not_take_can_be_paid_with_credit(
    checkout: StripeCheckout,
) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    with pytest.raises(SpellError) as refused:
        await checkout.open_checkout(a_payment(expires_at=soon))
    assert refused.value.code == "MODE_UNAVAILABLE"


async def test_a_stripe_that_cannot_be_reached_is_away() -> None:
    nobody = StripeCheckout(url="http://127.0.0.1:9", key=KEY, public_url="http://127.0.0.1:1")
    calls = (nobody.open_checkout, nobody.look_up, nobody.expire)
    for call in calls:
        with pytest.raises(SpellError) as failed:
            await call(a_payment())
        assert failed.value.code == "SERVICE_UNAVAILABLE"


async def test_a_wrong_key_is_told_to_nobody(local: StripeForTests) -> None:
    secret = "sk_live_" + "x" * 40
    wrong = StripeCheckout(url=local.url, key=secret, public_url="http://127.0.0.1:1")
    with pytest.raises(SpellError) as failed:
        await wrong.open_checkout(a_payment())
    assert secret not in f"{failed.value!r}{failed.value.message}"


async def test_a_page_whose_answer_was_lost_is_found_by_our_id_among_many(
    local: StripeForTests, checkout: StripeCheckout
) -> None:
    payment = a_payment()
    first = await checkout.open_checkout(payment)
    (page,) = local.sessions()
    for number in range(250):
        other = {"id": f"cs_test_{number}", "client_reference_id": f"other {number}"}
        local.store.put({**page, **other})
    assert await checkout.look_up(payment) == first
    assert await checkout.look_up(a_payment(1)) is None


@pytest.mark.parametrize("kind", ["502", "429"])
async def test_a_look_that_fails_is_no_answer(
    local: StripeForTests, checkout: StripeCheckout, kind: str
) -> None:
    await local.fault(SESSIONS, kind)
    with pytest.raises(SpellError) as failed:
        await checkout.look_up(a_payment())
    assert failed.value.code == "SERVICE_UNAVAILABLE"


async def test_closing_says_whether_it_was_paid_before(
    local: StripeForTests, checkout: StripeCheckout
) -> None:
    assert await checkout.expire(a_payment(7)) is None
    unpaid = a_payment(1)
    await checkout.open_checkout(unpaid)
    for _ in range(2):
        closed = await checkout.expire(unpaid)
        assert closed is not None
        assert (closed.status, closed.paid) == ("expired", False)
    found = await checkout.expire(await paid(local, checkout, number=2))
    assert found is not None
    assert (found.status, found.paid) == ("complete", True)


async def test_a_payment_while_the_page_is_closed_is_seen(
    local: StripeForTests, checkout: StripeCheckout, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = a_payment()
    session = await checkout.open_checkout(payment)
    look = checkout.look_up

    async def look_then_pay(asked: Payment) -> CheckoutSession | None:
        found = await look(asked)
        monkeypatch.setattr(checkout, "look_up", look)
        await local.pay(session.session_id)
        return found

    monkeypatch.setattr(checkout, "look_up", look_then_pay)
    closed = await checkout.expire(payment)
    assert closed is not None
    assert (closed.status, closed.paid) == ("complete", True)


async def test_money_goes_back_whole_and_once(
    local: StripeForTests, checkout: StripeCheckout
) -> None:
    payment = await paid(local, checkout)
    intended = payment.model_copy(update={"refund_intended_at": datetime.now(UTC)})
    first = await checkout.refund(payment)
    made = await asyncio.gather(*(checkout.refund(each) for each in [payment, intended] * 4))
    assert set(made) == {first}
    (refund,) = local.refunds()
    assert refund["amount"] == 2000
    assert refund["metadata"] == {"purchase_id": payment.purchase_id}


@pytest.mark.parametrize("kind", ["drop", "500", "500_after", "502", "409", "429"])
async def test_money_goes_back_once_whatever_becomes_of_the_answers(
    local: StripeForTests, checkout: StripeCheckout, kind: str
) -> None:
    payment = await paid(local, checkout)
    await local.fault(REFUNDS, kind, times=2)
    refund_id = await with_patience(lambda: checkout.refund(payment))
    assert [refund["id"] for refund in local.refunds()] == [refund_id]


async def test_a_refund_of_days_ago_is_found_although_its_key_is_forgotten(
    local: StripeForTests, checkout: StripeCheckout
) -> None:
    payment = await paid(local, checkout)
    first = await checkout.refund(payment)
    local.store._connection.execute("DELETE FROM answers")
    intended = payment.model_copy(update={"refund_intended_at": datetime.now(UTC) - AGO})
    assert await checkout.refund(intended) == first
    assert len(local.refunds()) == 1


async def test_what_somebody_gave_back_by_hand_is_not_given_back_again(
    local: StripeForTests, checkout: StripeCheckout
) -> None:
    payment = await paid(local, checkout)
    made = await local.client().v1.refunds.create_async(
        params={"payment_intent": str(payment.payment_intent)}
    )
    assert await checkout.refund(payment) == made.id
    assert len(local.refunds()) == 1


async def test_the_rest_goes_back_when_somebody_gave_back_a_part_by_hand(
    local: StripeForTests, checkout: StripeCheckout
) -> None:
    payment = await paid(local, checkout)
    await local.client().v1.refunds.create_async(
        params={"payment_intent": str(payment.payment_intent), "amount": 500}
    )
    intended = payment.model_copy(update={"refund_intended_at": datetime.now(UTC)})
    await checkout.refund(intended)
    assert sorted(int(str(refund["amount"])) for refund in local.refunds()) == [500, 1500]
