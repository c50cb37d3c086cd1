"""Goal: buyers pay, leave or are declined on a page without scripts. Method: a plain browser."""

from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.embedded.stripe.cards import CARDS
from tests.support.local_stripe import StripeForTests, a_session, running_stripe


class Form(HTMLParser):
    """What a browser without scripts makes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fields: dict[str, str] = {}
        self.buttons: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        if tag == "input":
            self.fields[str(given["name"])] = str(given["value"])
        if tag == "button":
            self.buttons.append(str(given["value"]))

    def handle_data(self, data: str) -> None:
        self.text += data


class Buyer:
    """Somebody with a browser, on one page."""

    def __init__(self, local: StripeForTests, http: httpx.AsyncClient, session: Any) -> None:
        self.local, self.http, self.id, self.url = local, http, session.id, session.url

    async def look(self) -> httpx.Response:
        return await self.http.get(self.url)

    async def press(self, button: str, page: str = "", **typed: str) -> httpx.Response:
        """Press a button with what the form holds and what was typed."""
        form = Form(page or (await self.look()).text)
        assert button in form.buttons
        return await self.http.post(self.url, data={**form.fields, **typed, "action": button})

    async def session(self) -> Any:
        return await self.local.client().v1.checkout.sessions.retrieve_async(self.id)

    async def intent(self) -> Any:
        intents = self.local.client().v1.payment_intents
        return await intents.retrieve_async(str((await self.session()).payment_intent))

    def kinds(self) -> list[str]:
        """What was told of, oldest first."""
        return [str(event["type"]) for event in self.local.store.newest("event")][::-1]


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[StripeForTests]:
    async with running_stripe(tmp_path) as running:
        yield running


@pytest.fixture
async def buyer(local: StripeForTests) -> AsyncIterator[Buyer]:
    session = await local.client().v1.checkout.sessions.create_async(params=a_session())  # type: ignore[arg-type]
    async with httpx.AsyncClient(trust_env=False) as http:
        yield Buyer(local, http, session)


async def test_a_page_is_paid_by_its_button_alone(buyer: Buyer) -> None:
    page = (await buyer.look()).text
    assert "2000 usd" in page
    assert "A template" in page
    paid = await buyer.press("pay", page)
    assert (paid.status_code, paid.headers["location"]) == (303, "http://127.0.0.1:9/paid")
    session = await buyer.session()
    assert (session.status, session.payment_status, session.url) == ("complete", "paid", None)
    assert (await buyer.intent()).amount_received == 2000
    assert buyer.kinds() == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


async def test_who_leaves_can_come_back_and_pay(buyer: Buyer) -> None:
    left = await buyer.press("cancel")
    assert (left.status_code, left.headers["location"]) == (303, "http://127.0.0.1:9/left")
    assert (await buyer.session()).status == "open"
    assert buyer.kinds() == []
    assert (await buyer.press("pay")).status_code == 303


async def test_a_page_is_paid_once(buyer: Buyer) -> None:
    page = (await buyer.look()).text
    await buyer.press("pay", page)
    assert (await buyer.press("pay", page)).status_code == 410
    assert (await buyer.look()).status_code == 410
    assert len(buyer.local.store.newest("charge")) == 1


async def test_an_expired_page_takes_nothing(buyer: Buyer) -> None:
    page = (await buyer.look()).text
    await buyer.local.client().v1.checkout.sessions.expire_async(buyer.id)
    assert (await buyer.press("pay", page)).status_code == 410
    assert buyer.kinds() == ["checkout.session.expired"]


async def test_a_page_whose_time_is_up_has_expired_by_itself(buyer: Buyer) -> None:
    session = buyer.local.store.one("checkout.session", buyer.id)
    buyer.local.store.put({**session, "expires_at": 1})
    assert (await buyer.look()).status_code == 410
    assert (await buyer.session()).status == "expired"
    assert buyer.kinds() == ["checkout.session.expired"]


async def test_nothing_that_a_seller_writes_becomes_markup(local: StripeForTests) -> None:
    bad = "</p><script>alert(1)</script>\"'<img src=x onerror=alert(1)>"
    price = {"currency": "usd", "unit_amount": 2000, "product_data": {"name": bad}}
    changes = {"client_reference_id": bad, "line_items": [{"quantity": 1, "price_data": price}]}
    session = await local.client().v1.checkout.sessions.create_async(
        params=a_session(**changes)  # type: ignore[arg-type]
    )
    async with httpx.AsyncClient(trust_env=False) as http:
        shown = await Buyer(local, http, session).look()
        card = '"><script>alert(1)</script>'
        refused = await Buyer(local, http, session).press("pay", shown.text, card=card)
    form = Form(shown.text)
    assert not {"script", "img"} & {*form.tags, *Form(refused.text).tags}
    assert bad in form.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert refused.status_code == 402


DECLINED = [card for card in CARDS.values() if card.refused and not card.authenticates]


@pytest.mark.parametrize("card", DECLINED, ids=lambda card: card.refused.decline_code)
async def test_a_card_is_declined_as_documented_and_another_one_pays(
    buyer: Buyer, card: Any
) -> None:
    declined = await buyer.press("pay", card=card.number)
    assert declined.status_code == 402
    assert card.refused.message in Form(declined.text).text
    intent = await buyer.intent()
    assert intent.status == "requires_payment_method"
    error = intent.last_payment_error
    assert (error.type, error.code) == ("card_error", card.refused.code)
    assert error.decline_code == card.refused.decline_code
    assert (await buyer.session()).status == "open"
    assert buyer.kinds()[-2:] == ["charge.failed", "payment_intent.payment_failed"]
    assert (await buyer.press("pay", declined.text)).status_code == 303
    paid = await buyer.intent()
    assert (paid.id, paid.status, paid.last_payment_error) == (intent.id, "succeeded", None)


@pytest.mark.parametrize("number", ["4242424242424241", "", "x" * 16, "٤" * 16, "4" * 30])
async def test_what_is_no_card_number_is_incorrect(buyer: Buyer, number: str) -> None:
    declined = await buyer.press("pay", card=number)
    assert declined.status_code == 402
    assert (await buyer.intent()).last_payment_error.code == "incorrect_number"


async def test_a_card_that_is_no_test_card_is_declined_and_not_kept(buyer: Buyer) -> None:
    real = "4539 1488 0343 6467"
    assert (await buyer.press("pay", card=real)).status_code == 402
    assert (await buyer.intent()).last_payment_error.decline_code == "test_mode_live_card"
    kept = str(buyer.local.store.newest("payment_method")) + str(buyer.local.store.newest("charge"))
    assert real.replace(" ", "")[:12] not in kept


async def test_a_card_with_3d_secure_pays_once_its_holder_says_so(buyer: Buyer) -> None:
    asked = await buyer.press("pay", card="4000002760003184")
    assert asked.status_code == 200
    assert (await buyer.intent()).status == "requires_action"
    failed = await buyer.press("fail", asked.text)
    assert failed.status_code == 402
    error = (await buyer.intent()).last_payment_error
    assert error.code == "payment_intent_authentication_failure"
    asked = await buyer.press("pay", card="4000002760003184")
    assert (await buyer.press("authenticate", asked.text)).status_code == 303
    assert (await buyer.session()).payment_status == "paid"


async def test_a_card_may_be_declined_after_its_holder_said_yes(buyer: Buyer) -> None:
    asked = await buyer.press("pay", card="4000008260003178")
    declined = await buyer.press("authenticate", asked.text)
    assert declined.status_code == 402
    assert (await buyer.intent()).last_payment_error.decline_code == "insufficient_funds"


async def test_a_page_that_nobody_opened_is_not_there(buyer: Buyer) -> None:
    assert (await buyer.http.get(f"{buyer.local.url}/pay/cs_test_none")).status_code == 404
