"""Goal: Stripe's deliveries have payments looked at, each once, and do nothing else.

Method: sign and send them over HTTP into the real routes and tables; the purchases are told, so
that the test sees what for.
"""

import asyncio
import json
import secrets
import time
from typing import Any, cast

import httpx
import pytest
import stripe
from sqlalchemy import text
from temporalio.testing import ActivityEnvironment

from activities.inbox import InboxActivities
from api.deps import Services
from api.main import create_app
from api.stripe_inbox import StripeInbox
from infra.embedded.stripe.events import signed
from infra.postgres import Database
from infra.repositories.stripe_events import PostgresStripeEvents
from infra.stripe.deliveries import StripeSignatures
from schema.contracts.purchases import PurchaseAnswer, PurchaseInput
from schema.errors import SpellError
from schema.ids import purchase_id_for
from schema.limits import STRIPE_EVENT_BYTES_MAX

OLD, NEW = "whsec_old", "whsec_new"


class ToldPurchases:
    """A port `Purchasing` that remembers whose payments it was told to look at."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.away = False
        self.gate: asyncio.Event | None = None

    async def payment_settled(self, purchase_id: str) -> None:
        self.told.append(purchase_id)
        if self.gate is not None:
            await self.gate.wait()
        if self.away:
            raise SpellError("SERVICE_UNAVAILABLE")

    async def buy(self, request: PurchaseInput) -> PurchaseAnswer:
        raise NotImplementedError

    async def cancel(self, purchase_id: str) -> None:
        raise NotImplementedError


class World:
    """The api, one purchase, and what it hears."""

    def __init__(self, database: Database, *accepted: str) -> None:
        self.database, self.purchasing = database, ToldPurchases()
        self.events = PostgresStripeEvents(database)
        inbox = StripeInbox(StripeSignatures(accepted), self.events, self.purchasing)
        unused = dict.fromkeys(Services.__dataclass_fields__, cast("Any", None))
        application = create_app()
        application.state.services = Services(**{**unused, "stripe_inbox": inbox})
        transport = httpx.ASGITransport(application)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://api")
        self.purchase_id = purchase_id_for(f"acct_{'a' * 16}", b"secret", secrets.token_hex(8))

    def event(self, kind: str = "checkout.session.completed", **changes: Any) -> dict[str, Any]:
        subject = {"object": "checkout.session", "client_reference_id": self.purchase_id}
        return {
            "id": f"evt_{secrets.token_hex(12)}",
            "object": "event",
            "api_version": stripe.api_version,
            "created": int(time.time()),
            "data": {"object": subject},
            "livemode": False,
            "type": kind,
            **changes,
        }

    async def deliver(self, event: Any, secret: str = NEW) -> httpx.Response:
        return await self.send(*signed(event, secret))

    async def send(self, body: bytes, signature: str | bytes) -> httpx.Response:
        value = signature.encode() if isinstance(signature, str) else signature
        headers = {b"Content-Type": b"application/json", b"Stripe-Signature": value}
        return await self.http.post("/v1/webhooks/stripe", content=body, headers=headers)

    async def sweep(self) -> int:
        """What the schedule starts every minute."""
        activities = InboxActivities(self.events, self.purchasing)
        return (await ActivityEnvironment().run(activities.relay)).handled

    async def row(self, event: dict[str, Any]) -> Any:
        async with self.database.reading() as connection:
            found = await connection.execute(
                text("SELECT * FROM stripe_events WHERE event_id = :id"), {"id": event["id"]}
            )
            return found.one_or_none()

    async def set(self, event: dict[str, Any], change: str) -> None:
        async with self.database.transaction() as connection:
            statement = text(f"UPDATE stripe_events SET {change} WHERE event_id = :id")
            await connection.execute(statement, {"id": event["id"]})


@pytest.fixture
def world(database: Database) -> World:
    return World(database, NEW)


async def test_an_event_about_a_page_has_its_payment_looked_at(world: World) -> None:
    event = world.event()
    assert (await world.deliver(event)).status_code == 202
    assert world.purchasing.told == [world.purchase_id]
    row = await world.row(event)
    assert (row.kind, row.purchase_id) == (event["type"], world.purchase_id)
    assert row.handled_at is not None


@pytest.mark.parametrize("tell", [NEW, OLD])
async def test_while_a_secret_is_changed_both_are_accepted(database: Database, tell: str) -> None:
    world = World(database, OLD, NEW)
    assert (await world.deliver(world.event(), tell)).status_code == 202
    assert world.purchasing.told == [world.purchase_id]


async def test_a_delivery_that_stripe_signed_with_both_secrets_is_accepted(world: World) -> None:
    body, by_old = signed(world.event(), OLD)
    _, by_new = signed(json.loads(body), NEW)
    both = f"{by_old},{by_new.partition(',')[2]}"
    assert (await world.send(body, both)).status_code == 202


async def test_a_secret_that_was_given_up_is_refused(world: World) -> None:
    event = world.event()
    answer = await world.deliver(event, OLD)
    assert (answer.status_code, answer.json()["code"]) == (401, "SIGNATURE_INVALID")
    assert world.purchasing.told == []
    assert await world.row(event) is None


@pytest.mark.parametrize("accepted", [(), ("",), ("", " ")])
async def test_without_a_secret_everything_is_refused(
    database: Database, accepted: tuple[str, ...]
) -> None:
    world = World(database, *accepted)
    for secret in (*accepted, NEW):
        assert (await world.deliver(world.event(), secret)).status_code == 401
    assert world.purchasing.told == []


@pytest.mark.parametrize(
    "signature", [b"", b"t=1", b"v1=x", b"t=x,v1=y", b"t=1,v1=\xc3\xa9", b"\xff" * 9, b"," * 4096]
)
async def test_what_is_no_signature_is_refused(world: World, signature: bytes) -> None:
    answer = await world.send(json.dumps(world.event()).encode(), signature)
    assert (answer.status_code, answer.json()["code"]) == (401, "SIGNATURE_INVALID")


async def test_a_body_that_was_changed_is_refused(world: World) -> None:
    body, signature = signed(world.event(), NEW)
    for changed in (body + b" ", body.replace(b"completed", b"expired"), b"\xff" + body):
        assert (await world.send(changed, signature)).status_code == 401


@pytest.mark.parametrize(("age", "status"), [(290, 202), (310, 401), (86_400, 401)])
async def test_a_delivery_that_is_replayed_after_five_minutes_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, age: int, status: int
) -> None:
    then = time.time() - age
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: then)
        body, signature = signed(world.event(), NEW)
    assert (await world.send(body, signature)).status_code == status


async def test_an_event_that_comes_again_is_taken_and_changes_nothing(world: World) -> None:
    event = world.event()
    for _ in range(3):
        assert (await world.deliver(event)).status_code == 202
    assert world.purchasing.told == [world.purchase_id]


async def test_eight_deliveries_of_one_event_at_once_are_handled_once(world: World) -> None:
    event, world.purchasing.gate = world.event(), asyncio.Event()
    sending = [asyncio.create_task(world.deliver(event)) for _ in range(8)]
    # Seven end while the first one is still at it.
    done, waiting = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
    while len(waiting) > 1:
        more, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        done |= more
    world.purchasing.gate.set()
    answers = await asyncio.gather(*sending)
    assert {answer.status_code for answer in answers} == {202}
    assert world.purchasing.told == [world.purchase_id]


async def test_events_in_any_order_each_have_the_payment_looked_at(world: World) -> None:
    for kind in ("expired", "completed", "async_payment_succeeded", "async_payment_failed"):
        event = world.event(f"checkout.session.{kind}", created=1)
        assert (await world.deliver(event)).status_code == 202
    assert world.purchasing.told == [world.purchase_id] * 4


@pytest.mark.parametrize(
    "change",
    [
        {"type": "charge.succeeded"},
        {"type": "something.that.stripe.adds.next.year"},
        {"type": "v2.core.account.updated"},
        {"account": "acct_1OfSomebodyConnected"},
        {"data": {"object": {"object": "checkout.session", "client_reference_id": None}}},
        {"data": {"object": {"object": "checkout.session", "client_reference_id": 7}}},
        {"data": {"object": {"object": "checkout.session", "client_reference_id": "pur_x"}}},
        {"data": {"object": {}}},
    ],
    ids=str,
)
async def test_what_is_about_nothing_of_ours_is_taken_and_ignored(
    world: World, change: dict[str, Any]
) -> None:
    event = world.event(**change)
    assert (await world.deliver(event)).status_code == 202
    assert world.purchasing.told == []
    assert (await world.row(event)).handled_at is not None


@pytest.mark.parametrize(
    "change",
    [
        {"id": "evt_" + "x" * 251},
        {"id": 7},
        {"id": "x"},
        {"type": "X y"},
        {"type": None},
        {"object": "v2.core.event"},
        {"data": None},
        {"data": {"object": []}},
    ],
    ids=str,
)
async def test_a_signed_body_that_is_no_event_is_refused(
    world: World, change: dict[str, Any]
) -> None:
    answer = await world.deliver(world.event(**change))
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")
    assert world.purchasing.told == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"[]", 422),
        (b"nothing", 422),
        (b"[" * 100_000, 422),
        (b" " * (STRIPE_EVENT_BYTES_MAX + 1), 413),
    ],
    ids=["empty", "list", "text", "deep", "large"],
)
async def test_bodies_are_bounded_and_read_strictly(
    world: World, monkeypatch: pytest.MonkeyPatch, body: bytes, status: int
) -> None:
    monkeypatch.setattr(json, "dumps", lambda _event: body.decode())
    _, signature = signed({}, NEW)
    monkeypatch.undo()
    assert (await world.send(body, signature)).status_code == status


async def test_an_event_that_could_not_be_passed_on_counts_when_it_comes_again(
    world: World,
) -> None:
    event, world.purchasing.away = world.event(), True
    assert (await world.deliver(event)).status_code == 503
    assert (await world.row(event)).handled_at is None
    world.purchasing.away = False
    assert (await world.deliver(event)).status_code == 202
    assert (await world.row(event)).handled_at is not None


async def test_an_event_that_nobody_handled_is_found_by_the_sweeper(world: World) -> None:
    event, world.purchasing.away = world.event(), True
    await world.deliver(event)
    assert await world.sweep() == 0
    world.purchasing.away = False
    assert await world.sweep() == 1
    assert await world.sweep() == 0
    assert world.purchasing.told == [world.purchase_id] * 3
    assert (await world.row(event)).handled_at is not None


async def test_a_claim_of_a_process_that_died_ends_after_a_minute(world: World) -> None:
    event = world.event()
    read = StripeSignatures([NEW]).read(*signed(event, NEW))
    assert await world.events.receive(read)
    assert await world.sweep() == 0
    assert (await world.deliver(event)).status_code == 202
    assert world.purchasing.told == []
    await world.set(event, "claimed_at = now() - interval '61 seconds'")
    assert await world.sweep() == 1
    assert world.purchasing.told == [world.purchase_id]


async def test_four_sweepers_at_once_handle_each_event_once(world: World) -> None:
    events = [world.event() for _ in range(20)]
    world.purchasing.away = True
    await asyncio.gather(*(world.deliver(event) for event in events))
    world.purchasing.away = False
    world.purchasing.told.clear()
    assert sum(await asyncio.gather(*(world.sweep() for _ in range(4)))) == 20
    assert world.purchasing.told == [world.purchase_id] * 20


async def test_what_was_handled_is_kept_for_a_month_and_the_rest_for_ever(world: World) -> None:
    handled, old, waiting = world.event(), world.event(), world.event()
    await world.deliver(handled)
    world.purchasing.away = True
    await world.deliver(old)
    await world.deliver(waiting)
    await world.set(old, "claimed_at = now(), handled_at = now() - interval '31 days'")
    await world.set(waiting, "claimed_at = now() - interval '31 days'")
    await world.sweep()
    assert await world.row(old) is None
    assert await world.row(handled) is not None
    assert await world.row(waiting) is not None
    world.purchasing.away = False
    assert await world.sweep() == 1


@pytest.mark.parametrize(
    "change",
    ["handled_at = NULL", "claimed_at = now()", "kind = 'charge.failed'", "purchase_id = NULL"],
)
async def test_what_was_handled_never_changes(world: World, change: str) -> None:
    event = world.event()
    await world.deliver(event)
    with pytest.raises(Exception, match="handled once and never changes"):
        await world.set(event, change)
