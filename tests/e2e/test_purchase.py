"""Goal: a copy is paid for once and made once, or costs nothing. Method: real processes.

Through the API and the command `spell`, the local Stripe's page and the local GitHub.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.purchase_documents import PurchaseBody
from infra.repositories.purchases import PostgresPurchases
from schema.canonical import canonical_json
from schema.contracts.purchases import OpenOrder, PurchaseInput, PurchaseOffer, PurchaseOrder
from schema.ids import keyed_digest, purchase_id_for
from tests.support.e2e import Json, WholePlatform, as_object, fresh_key, problem
from tests.support.e2e_cli import Shell
from tests.support.e2e_github import local
from tests.support.market import (
    LICENSE,
    PRICE,
    SHARES,
    Buyer,
    Market,
    Template,
    assert_bought_once,
    assert_refunded_once,
    market_of,
)
from tests.support.money import assert_books_balance
from tests.support.purchasing import moved


@pytest.fixture(scope="session")
async def market(platform: WholePlatform) -> AsyncIterator[Market]:
    async with market_of(platform) as opened:
        yield opened


@pytest.fixture(scope="session")
async def template(market: Market) -> Template:
    return await market.template()


@pytest.fixture
async def buyer(market: Market) -> Buyer:
    return await market.buyer()


async def test_a_template_is_bought_by_command_and_paid_on_the_page(
    platform: WholePlatform, template: Template, buyer: Buyer, tmp_path: Path
) -> None:
    shell = Shell.of(buyer.caster, tmp_path)
    endpoint = {"url": "https://nobody.invalid/", "events": ["purchase.*"]}
    made = as_object(await buyer.caster.post("/v1/webhook-endpoints", json=endpoint))
    platform.secrets.add(made["secret"])
    buyer.repository = f"{buyer.login}/by-command"
    said = await shell.spell("--json", "buy", template.key, buyer.repository)
    assert said.code == 0, said
    purchase = said.document()
    assert (purchase["status"], purchase["payment"]) == ("awaiting_payment", "open")
    assert purchase["checkout_url"].startswith(buyer.market.stripe.base_url.__str__().rstrip("/"))
    await buyer.pay(purchase)
    ended = await buyer.ended(purchase)
    await assert_bought_once(template, buyer, ended)
    shown = await shell.spell("purchases", "show", purchase["purchase_id"])
    for fact in (LICENSE, ended["repository_url"], ended["pull_request_url"], "completed"):
        assert fact in shown.stdout
    [listed] = (await shell.json("purchases", "list"))["items"]
    assert listed == ended
    sent = as_object(await buyer.caster.get(f"/v1/webhook-endpoints/{made['id']}/deliveries"))
    assert [one["event"] for one in sent["items"]] == ["purchase.completed"]


async def test_the_copy_has_the_templates_files_and_the_pull_request_the_licence(
    template: Template, buyer: Buyer
) -> None:
    ended = await _bought(template, buyer)
    head = {"Authorization": f"Bearer {await _token(buyer)}"}
    github = buyer.market.github
    readme = await github.get(f"/repos/{buyer.repository}/contents/README.md", headers=head)
    assert base64.b64decode(readme.json()["content"]) == b"# Start here\n"
    assert (await github.get(f"/repos/{buyer.repository}", headers=head)).json()["private"] is True
    [pull] = await buyer.pulls()
    path = f"/repos/{buyer.repository}/contents/SPELL.md?ref={pull['head']['ref']}"
    text = base64.b64decode((await github.get(path, headers=head)).json()["content"]).decode()
    assert LICENSE in text
    assert ended["purchase_id"] in text
    assert ended["package_digest"] in text


async def test_a_purchase_whose_page_expires_unpaid_is_abandoned(
    template: Template, buyer: Buyer
) -> None:
    purchase = await buyer.asked(template)
    [page] = await buyer.pages(purchase)
    path = f"/v1/checkout/sessions/{page['id']}/expire"
    (await buyer.market.stripe.post(path)).raise_for_status()
    ended = await buyer.ended(purchase)
    assert (ended["status"], ended["payment"]) == ("abandoned", "released")
    assert ended["problem"]["code"] == "PAYMENT_ABANDONED"
    assert ended["checkout_url"] is None
    assert await template.copies(buyer.repository) == 0
    assert await moved(buyer.market.platform.database, ended["purchase_id"]) == {}


async def test_a_copy_that_cannot_be_made_is_refunded(template: Template, buyer: Buyer) -> None:
    """Meanwhile the buyer has made a repository of that name."""
    purchase = await buyer.asked(template)
    owner, _, name = buyer.repository.partition("/")
    await local(buyer.market.github, "POST", "repositories", {"owner": owner, "name": name})
    await buyer.market.stripe_fault("/v1/refunds", "drop")
    await buyer.pay(purchase)
    ended = await buyer.ended(purchase)
    assert ended["problem"]["code"] == "GENERATION_FAILED"
    assert "exists" in json.dumps(ended["problem"]["details"])
    await assert_refunded_once(buyer, ended)


async def test_webhooks_that_come_twice_or_late_change_nothing(
    platform: WholePlatform, template: Template, buyer: Buyer
) -> None:
    purchase = await buyer.asked(template)
    await buyer.market.stripe_fault("webhook", "duplicate", times=2)
    await buyer.market.stripe_fault("webhook", "late", times=1)
    await buyer.pay(purchase)
    await assert_bought_once(template, buyer, await buyer.ended(purchase))
    events = await buyer.market.at_stripe("/v1/events")
    event = next(
        one
        for one in events
        if one["type"] == "checkout.session.completed"
        and one["data"]["object"]["client_reference_id"] == purchase["purchase_id"]
    )
    for _ in range(3):
        assert (await _deliver(platform, event)).status_code == 202
    # The same under another id, as somebody who sends it by hand from Stripe's dashboard.
    assert (await _deliver(platform, {**event, "id": "evt_again"})).status_code == 202
    problem(await _deliver(platform, event, secret="whsec_of_somebody"), 401, "SIGNATURE_INVALID")
    await assert_bought_once(template, buyer, await buyer.read(purchase))


async def test_a_buyer_who_is_not_connected_is_told_so_before_any_payment(
    platform: WholePlatform, market: Market, template: Template
) -> None:
    stranger = Buyer(market, await platform.new_caster(PRICE), "nobody")
    refused = problem(
        await stranger.ask(template, repository="nobody/copy"), 409, "GITHUB_NOT_CONNECTED"
    )
    assert "spell github connect" in refused["remedy"]
    again = await stranger.ask(template, key=stranger.key, repository="nobody/copy")
    problem(again, 409, "GITHUB_NOT_CONNECTED")
    assert again.headers["idempotent-replayed"] == "true"
    [listed] = as_object(await stranger.caster.get("/v1/purchases"))["items"]
    assert (listed["status"], listed["payment"]) == ("refused", None)
    assert await stranger.pages(listed) == []
    assert await stranger.caster.credit_left() == PRICE


async def test_what_cannot_be_made_now_is_refused_before_any_payment(
    market: Market, template: Template
) -> None:
    before = await market.at_stripe("/v1/checkout/sessions")
    buyer = await market.buyer()
    await local(market.github, "DELETE", f"installations/{buyer.login}")
    refused = problem(await buyer.ask(template), 403, "FORBIDDEN_REPO")
    assert refused["details"]["install_url"].endswith("/installations/new")
    taken = await market.buyer()
    body = {"owner": taken.login, "name": "taken"}
    await local(market.github, "POST", "repositories", body)
    answer = await taken.ask(template, repository=f"{taken.login}/taken")
    problem(answer, 409, "REPOSITORY_EXISTS")
    foreign = await buyer.caster.get("/v1/purchases/pur_x")
    problem(foreign, 404, "PURCHASE_NOT_FOUND")
    plain = await market.platform.spell("free")
    answer = await taken.ask(Template(market, plain, ""), repository=f"{taken.login}/other")
    problem(answer, answer.status_code, "SPELL_NOT_SOLD")
    assert await market.at_stripe("/v1/checkout/sessions") == before


async def test_the_same_key_is_the_same_purchase(template: Template, buyer: Buyer) -> None:
    first = await buyer.asked(template)
    name = buyer.repository
    again = await buyer.ask(template, key=buyer.key, repository=name)
    assert again.headers["idempotent-replayed"] == "true"
    assert as_object(again)["checkout_url"] == first["checkout_url"]
    other = await buyer.ask(template, key=buyer.key, repository=f"{name}-other")
    problem(other, 409, "IDEMPOTENCY_CONFLICT")
    assert len(await buyer.pages(first)) == 1
    cancelled = await buyer.caster.post(f"/v1/purchases/{first['purchase_id']}:cancel")
    assert as_object(cancelled)["status"] in ("awaiting_payment", "cancelled")
    assert (await buyer.ended(first))["status"] == "cancelled"
    [page] = await buyer.pages(first)
    assert page["status"] == "expired"
    again = await buyer.caster.post(f"/v1/purchases/{first['purchase_id']}:cancel")
    problem(again, 409, "PURCHASE_FINISHED")


async def test_the_same_key_is_the_same_purchase_when_its_process_is_forgotten(
    market: Market, template: Template
) -> None:
    buyer = await market.buyer(credit_micros=PRICE)
    ended = await buyer.ended(await buyer.asked(template, pay_with="credit"))
    again = await buyer.ask(template, key=buyer.key, repository=buyer.repository, pay_with="credit")
    assert as_object(again) == ended
    forgotten, key = await completed_long_ago(buyer, template, ended)
    again = await buyer.ask(template, key=key, repository=buyer.repository)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true"), again.text
    assert as_object(again) == await buyer.read({"purchase_id": forgotten})
    assert as_object(again)["status"] == "completed"


async def completed_long_ago(buyer: Buyer, template: Template, like: Json) -> tuple[str, str]:
    """A purchase of which only the record is left; its id, and the key that it was asked with."""
    person, key = buyer.caster.person, fresh_key()
    body = PurchaseBody(repository=buyer.repository)
    asked = canonical_json(body.model_dump(mode="json"))
    request = PurchaseInput(
        purchase_id=purchase_id_for(person.account_id, person.secret, key),
        account_id=person.account_id,
        api_key_id=person.api_key_id,
        fingerprint=keyed_digest(person.secret, b"purchase", template.key.encode(), asked),
        spell_key=template.key,
        repository=buyer.repository,
    )
    offer = PurchaseOffer(
        version=like["version"],
        package_digest=like["package_digest"],
        maker_account_id=buyer.market.maker.person.account_id,
        template_repo=template.repo,
        license_url=LICENSE,
        currency="USD",
        price_micros=0,
    )
    order = PurchaseOrder(request=request, offer=offer)
    records = PostgresPurchases(buyer.market.platform.database, fee_basis_points=0)
    assert await records.open(OpenOrder(order=order, expires_at=datetime.now(UTC))) is None
    await records.grant(order)
    return request.purchase_id, key


async def test_credit_buys_and_comes_back(market: Market, template: Template) -> None:
    buyer = await market.buyer(credit_micros=PRICE)
    ended = await buyer.ended(await buyer.asked(template, pay_with="credit"))
    assert ended["status"] == "completed", ended
    database = market.platform.database
    assert await moved(database, ended["purchase_id"]) == {"hold": PRICE, **SHARES}
    assert await buyer.caster.credit_left() == 0
    problem(await buyer.ask(template, pay_with="credit"), 402, "PAYMENT_REQUIRED")
    await assert_books_balance(database)


async def test_a_free_copy_is_made_without_a_page(market: Market, buyer: Buyer) -> None:
    free = await market.template(price_micros=0)
    ended = await buyer.ended(await buyer.asked(free))
    assert (ended["status"], ended["payment"]) == ("completed", None)
    assert ended["entitled_at"] is not None
    assert await free.copies(buyer.repository) == 1


async def test_lost_answers_charge_once_and_copy_once(template: Template, buyer: Buyer) -> None:
    """Stripe and GitHub do it and their answers are lost; or they fail before they do anything."""
    market = buyer.market
    for kind in ("drop", "502"):
        await market.stripe_fault("/v1/checkout/sessions", kind)
    purchase = await buyer.asked(template)
    await market.github_fault("drop_after", write="generate", repository=template.repo)
    await buyer.pay(purchase)
    await assert_bought_once(template, buyer, await buyer.ended(purchase))


async def _bought(template: Template, buyer: Buyer) -> Json:
    purchase = await buyer.asked(template)
    await buyer.pay(purchase)
    ended = await buyer.ended(purchase)
    assert ended["status"] == "completed", ended
    return ended


async def _token(buyer: Buyer) -> str:
    made = await local(buyer.market.github, "POST", f"tokens/{buyer.login}", {})
    return str(made["token"])


async def _deliver(
    platform: WholePlatform, event: Json, secret: str | None = None
) -> httpx.Response:
    """What Stripe sends, signed as Stripe signs."""
    secret = secret or platform.embedded.context.credentials.stripe_webhook_secret
    body, now = json.dumps(event).encode(), int(time.time())
    signed = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    headers: dict[str, Any] = {
        "Stripe-Signature": f"t={now},v1={signed}",
        "Content-Type": "application/json",
    }
    return await platform.http.post("/v1/webhooks/stripe", content=body, headers=headers)
