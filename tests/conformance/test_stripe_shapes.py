"""Goal: the local Stripe's objects have the shapes of Stripe's. Method: its fixtures, its client.

The fixtures (one example of each resource) say which members there are and of which type; the
official client's classes say which of them may be null, and which words a member may be.
"""

import json
import typing
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.support.local_stripe import StripeForTests, a_session, running_stripe

FIXTURES = Path(__file__).parents[3] / "shared" / "conformance" / "stripe-fixtures3.json"
pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not FIXTURES.is_file(), reason=f"{FIXTURES} is not here"),
]
CLASSES: dict[str, type[stripe.StripeObject]] = {
    "balance_transaction": stripe.BalanceTransaction,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "event": stripe.Event,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "refund": stripe.Refund,
}
# Members that depend on what the object is about.
ABOUT = {
    "metadata",
    "object",
    "error",
    "payment_method_options",
    "last_payment_error",
    "next_action",
}
ABSENT_UNTIL_IT_FAILS = {"failure_reason"}


def fixture_of(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FIXTURES.read_text("utf-8"))["resources"][kind]
    return found


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StripeForTests]:
    """A page in each state, payments that went well, badly and back."""
    async with running_stripe(tmp_path_factory.mktemp("stripe")) as local:
        client = local.client()
        for card, back in (
            ("4242424242424242", 500),
            ("4000000000005126", 2000),
            ("4000000000009995", 0),
            ("4000002760003184", 0),
            ("", 0),
        ):
            session = await client.v1.checkout.sessions.create_async(params=a_session())  # type: ignore[arg-type]
            if not card:
                await client.v1.checkout.sessions.expire_async(session.id)
                continue
            await local.pay(session.id, card=card)
            intent = (await client.v1.checkout.sessions.retrieve_async(session.id)).payment_intent
            if back:
                made = await client.v1.refunds.create_async(
                    params={"payment_intent": str(intent), "amount": back}
                )
                await client.v1.refunds.retrieve_async(made.id)
        await client.v1.checkout.sessions.create_async(params=a_session())  # type: ignore[arg-type]
        yield local


async def every(local: StripeForTests, kind: str) -> list[dict[str, Any]]:
    """All objects of a kind, each as its own address answers, and as events tell of them."""
    services = local.client().v1
    ids = [str(each["id"]) for each in local.store.newest(kind)]
    get: Any = {
        "balance_transaction": services.balance_transactions.retrieve_async,
        "charge": services.charges.retrieve_async,
        "checkout.session": services.checkout.sessions.retrieve_async,
        "event": services.events.retrieve_async,
        "payment_intent": services.payment_intents.retrieve_async,
        "payment_method": services.payment_methods.retrieve_async,
        "refund": services.refunds.retrieve_async,
    }[kind]
    answered = [(await get(identifier)).to_dict() for identifier in ids]
    told = [event["data"]["object"] for event in local.store.newest("event")]
    return answered + [each for each in told if each["object"] == kind]


def differences(ours: Any, theirs: Any, where: str = "") -> Iterator[str]:
    """Where a value is not as the example is: other members, or another type."""
    if ours is None or theirs is None:
        return
    if type(ours) is not type(theirs):
        yield f"{where}: {type(ours).__name__} instead of {type(theirs).__name__}"
    elif isinstance(ours, dict) and where.rpartition(".")[2] not in ABOUT:
        # Below the top an example has what depends on the case; nothing may be made up anywhere.
        missing = set() if where else theirs.keys() - ours.keys()
        made_up = ours.keys() - theirs.keys() - ABSENT_UNTIL_IT_FAILS
        yield from (f"{where}.{name} is missing" for name in sorted(missing))
        yield from (f"{where}.{name} is not Stripe's" for name in sorted(made_up))
        for name in sorted(ours.keys() & theirs.keys()):
            yield from differences(ours[name], theirs[name], f"{where}.{name}")
    elif isinstance(ours, list) and ours and theirs:
        yield from differences(ours[0], theirs[0], f"{where}[0]")


def broken_rules(ours: dict[str, Any], kind: str) -> Iterator[str]:
    """Members that are null and must not be, and words that are none of Stripe's."""
    for name, annotation in CLASSES[kind].__annotations__.items():
        allowed = typing.get_args(annotation)
        if name == "OBJECT_NAME" or str(annotation).startswith("typing.ClassVar"):
            continue
        value = ours.get(name)
        if value is None and not (allowed and type(None) in allowed) and name in fixture_of(kind):
            yield f"{name} is null"
        words = [
            word for each in allowed for word in typing.get_args(each) if isinstance(word, str)
        ]
        words += [word for word in allowed if isinstance(word, str)]
        if isinstance(value, str) and words and value not in words:
            yield f"{name}: {value!r} is none of {words}"


@pytest.mark.parametrize("kind", CLASSES)
async def test_an_object_has_the_members_and_types_of_stripes_example(
    served: StripeForTests, kind: str
) -> None:
    found = await every(served, kind)
    assert found
    assert [list(differences(each, fixture_of(kind))) for each in found] == [[]] * len(found)


@pytest.mark.parametrize("kind", CLASSES)
async def test_an_object_fits_the_class_of_the_official_client(
    served: StripeForTests, kind: str
) -> None:
    found = await every(served, kind)
    assert [list(broken_rules(each, kind)) for each in found] == [[]] * len(found)


async def test_every_kind_of_object_that_is_served_is_looked_at(served: StripeForTests) -> None:
    rows = served.store._connection.execute("SELECT DISTINCT kind FROM objects")
    assert {kind for (kind,) in rows} == set(CLASSES)
