"""Goal: events arrive as Stripe's do: signed, again, twice, late. Method: a receiver takes them."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import stripe

from tests.support.local_stripe import (
    SECRET,
    Receiver,
    StripeForTests,
    a_session,
    receiving,
    running_stripe,
)

PAID = (
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "checkout.session.completed",
)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as taking:
        yield taking


@pytest.fixture
async def local(tmp_path: Path, receiver: Receiver) -> AsyncIterator[StripeForTests]:
    async with running_stripe(tmp_path, webhook_url=receiver.url) as running:
        yield running


async def open_page(local: StripeForTests) -> str:
    made = await local.client().v1.checkout.sessions.create_async(params=a_session())  # type: ignore[arg-type]
    return made.id


async def test_what_happens_is_told_in_order_and_signed(
    local: StripeForTests, receiver: Receiver
) -> None:
    session = await open_page(local)
    await local.pay(session)
    await receiver.until(lambda it: len(it.taken) == len(PAID))
    assert receiver.kinds() == list(PAID)
    for body, signature in receiver.taken:
        event = stripe.Webhook.construct_event(body, signature, SECRET)
        kept = await local.client().v1.events.retrieve_async(event.id)
        assert kept.to_dict() == event.to_dict()
        assert event.api_version == stripe.api_version
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body + b" ", signature, SECRET)
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body, signature, "whsec_of_somebody_else")
    completed = stripe.Webhook.construct_event(*receiver.taken[-1], SECRET)
    assert completed.data.object.id == session
    assert not [name for name in completed.data.object.to_dict() if name.startswith("_")]


async def test_what_is_not_taken_is_sent_again_under_its_id(
    local: StripeForTests, receiver: Receiver
) -> None:
    receiver.answers = [500, 404, 301]
    session = await open_page(local)
    await local.client().v1.checkout.sessions.expire_async(session)
    await receiver.until(lambda it: len(it.taken) == 4)
    events = [stripe.Webhook.construct_event(*each, SECRET) for each in receiver.taken]
    assert len({event.id for event in events}) == 1
    assert receiver.kinds() == ["checkout.session.expired"] * 4


async def test_what_nobody_took_is_sent_after_a_restart(tmp_path: Path) -> None:
    async with running_stripe(tmp_path) as local:
        await local.client().v1.checkout.sessions.expire_async(await open_page(local))
    async with receiving() as receiver, running_stripe(tmp_path, webhook_url=receiver.url):
        await receiver.until(lambda it: bool(it.taken))
    assert receiver.kinds() == ["checkout.session.expired"]


async def test_an_event_is_sent_twice_on_order(local: StripeForTests, receiver: Receiver) -> None:
    await local.fault("webhook", "duplicate")
    await local.client().v1.checkout.sessions.expire_async(await open_page(local))
    await receiver.until(lambda it: len(it.taken) == 2)
    first, second = [body for body, _ in receiver.taken]
    assert first == second


async def test_an_event_comes_after_later_ones_on_order(
    local: StripeForTests, receiver: Receiver
) -> None:
    await local.fault("webhook", "late")
    await local.pay(await open_page(local))
    await receiver.until(lambda it: len(it.taken) == len(PAID))
    assert receiver.kinds() == [*PAID[1:], PAID[0]]


async def test_an_event_is_lost_on_order_and_can_still_be_listed(
    local: StripeForTests, receiver: Receiver
) -> None:
    await local.fault("webhook", "lose")
    lost, told = await open_page(local), await open_page(local)
    for session in (lost, told):
        await local.client().v1.checkout.sessions.expire_async(session)
    await receiver.until(lambda it: bool(it.taken))
    assert stripe.Webhook.construct_event(*receiver.taken[0], SECRET).data.object.id == told
    listed = await local.client().v1.events.list_async(
        params={"type": "checkout.session.expired", "created": {"gte": int(time.time()) - 60}}
    )
    assert [event.data.object.id for event in listed.data] == [told, lost]
    assert len(receiver.taken) == 1
