"""Goal: the local Stripe behaves as Stripe documents itself. Method: the official client asks."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

from tests.support.local_stripe import KEY, StripeForTests, a_session, running_stripe


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[StripeForTests]:
    async with running_stripe(tmp_path) as running:
        yield running


async def opened(local: StripeForTests, **changes: Any) -> Any:
    made = local.client().v1.checkout.sessions.create_async(params=a_session(**changes))  # type: ignore[arg-type]
    return await made


async def paid(local: StripeForTests) -> str:
    """The intent of a page that was paid."""
    session = await opened(local)
    await local.pay(session.id)
    return str(
        (await local.client().v1.checkout.sessions.retrieve_async(session.id)).payment_intent
    )


@pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")
async def test_the_client_as_it_comes_opens_reads_lists_and_closes_a_page(
    local: StripeForTests,
) -> None:
    http = stripe.HTTPXClient()
    client = stripe.StripeClient(KEY, base_addresses={"api": local.url}, http_client=http)
    sessions = client.v1.checkout.sessions
    made = await sessions.create_async(params=a_session())  # type: ignore[arg-type]
    assert (made.status, made.payment_status, made.amount_total) == ("open", "unpaid", 2000)
    assert (await sessions.retrieve_async(made.id)).to_dict() == made.to_dict()
    listed = await sessions.list_async()
    assert [each.id for each in listed.data] == [made.id]
    assert (await sessions.expire_async(made.id)).status == "expired"
    with pytest.raises(stripe.InvalidRequestError, match="has a status of expired"):
        await sessions.expire_async(made.id)
    await http.close_async()  # type: ignore[no-untyped-call]


async def test_pages_of_a_list_hold_everything_once(local: StripeForTests) -> None:
    made = [(await opened(local)).id for _ in range(5)]
    page = await local.client().v1.checkout.sessions.list_async(params={"limit": 2})
    assert page.has_more
    assert [each.id async for each in page.auto_paging_iter()] == made[::-1]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"limit": "0"}, 400),
        ({"limit": "101"}, 400),
        ({"limit": "x"}, 400),
        ({"created[gte]": "-1"}, 400),
        ({"starting_after": "cs_test_none"}, 404),
    ],
)
async def test_a_list_refuses_what_it_cannot_page_by(
    local: StripeForTests, query: dict[str, str], status: int
) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        headers = {"Authorization": f"Bearer {KEY}"}
        answer = await http.get(f"{local.url}/v1/refunds", params=query, headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, "invalid_request_error")


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "subscription"},
        {"unknown": "parameter"},
        {"line_items": []},
        {"line_items": [{"price": "price_1", "quantity": 1}]},
        {"success_url": None},
        {"expires_at": 1},
        {"payment_method_types": ["sepa_debit"]},
        {"client_reference_id": "x" * 201},
        {"metadata": {"name": "x" * 501}},
        {"metadata": {f"k{number}": "x" for number in range(51)}},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_what_stripe_would_not_take_is_refused(
    local: StripeForTests, changes: dict[str, Any]
) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await opened(local, **changes)
    assert local.sessions() == []


@pytest.mark.parametrize("amount", ["0", "-1", "1.5", "100000000", "9" * 400, "٣"])
async def test_an_amount_is_a_whole_positive_number_of_eight_digits_at_most(
    local: StripeForTests, amount: str
) -> None:
    price = {"currency": "usd", "unit_amount": amount, "product_data": {"name": "x"}}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await opened(local, line_items=[{"quantity": 1, "price_data": price}])
    assert refused.value.code == "parameter_invalid_integer"


async def test_refunds_never_give_back_more_than_was_taken(local: StripeForTests) -> None:
    intent, refunds = await paid(local), local.client().v1.refunds
    await refunds.create_async(params={"payment_intent": intent, "amount": 1500})
    with pytest.raises(stripe.InvalidRequestError, match=r"greater than unrefunded .* \(500\)"):
        await refunds.create_async(params={"payment_intent": intent, "amount": 501})
    rest = await refunds.create_async(params={"payment_intent": intent})
    assert rest.amount == 500
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await refunds.create_async(params={"payment_intent": intent, "amount": 1})
    assert refused.value.code == "charge_already_refunded"
    charge = await local.client().v1.charges.retrieve_async(str(rest.charge))
    assert (charge.amount_refunded, charge.refunded) == (2000, True)


async def test_eight_refunds_at_once_give_back_no_more_than_was_taken(
    local: StripeForTests,
) -> None:
    intent, refunds = await paid(local), local.client().v1.refunds
    asked = [
        refunds.create_async(params={"payment_intent": intent, "amount": 700}) for _ in range(8)
    ]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, stripe.Refund) for answer in answers) == 2
    assert sum(isinstance(answer, stripe.InvalidRequestError) for answer in answers) == 6
    assert sum(int(str(refund["amount"])) for refund in local.refunds()) == 1400


async def test_the_balance_is_what_was_taken_without_fees_and_refunds(
    local: StripeForTests,
) -> None:
    client, intent = local.client(), await paid(local)
    await client.v1.refunds.create_async(params={"payment_intent": intent, "amount": 500})
    page = await client.v1.balance_transactions.list_async()
    assert [(each.type, each.amount, each.fee, each.net) for each in page.data] == [
        ("refund", -500, 0, -500),
        ("charge", 2000, 88, 1912),
    ]


async def test_a_refund_that_did_not_arrive_fails_later_and_can_be_made_again(
    local: StripeForTests,
) -> None:
    client, session = local.client(), await opened(local)
    await local.pay(session.id, card="4000000000005126")
    intent = (await client.v1.checkout.sessions.retrieve_async(session.id)).payment_intent
    made = await client.v1.refunds.create_async(params={"payment_intent": str(intent)})
    assert made.status == "succeeded"
    assert (await client.v1.refunds.retrieve_async(made.id)).status == "failed"
    again = await client.v1.refunds.create_async(params={"payment_intent": str(intent)})
    assert again.amount == 2000


async def test_what_was_never_paid_cannot_be_given_back(local: StripeForTests) -> None:
    session = await opened(local)
    await local.pay(session.id, card="4000000000000002")
    intent = (await local.client().v1.checkout.sessions.retrieve_async(session.id)).payment_intent
    for wanted in (str(intent), "pi_unknown"):
        with pytest.raises(stripe.InvalidRequestError):
            await local.client().v1.refunds.create_async(params={"payment_intent": wanted})
    assert local.refunds() == []


async def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    options: Any = {"idempotency_key": "one"}
    async with running_stripe(tmp_path) as local:
        made = await opened(local)
        intent = await paid(local)
        refund = await local.client().v1.refunds.create_async(
            params={"payment_intent": intent}, options=options
        )
    async with running_stripe(tmp_path) as local:
        client = local.client()
        assert (await client.v1.checkout.sessions.retrieve_async(made.id)).status == "open"
        again = await client.v1.refunds.create_async(
            params={"payment_intent": intent}, options=options
        )
        assert again.id == refund.id
        assert len(local.refunds()) == 1


@pytest.mark.parametrize("key", ["x", "sk_of_somebody_else", "sk_é"])
async def test_only_the_accounts_key_opens_anything(local: StripeForTests, key: str) -> None:
    headers = {b"Authorization": f"Bearer {key}".encode()}
    async with httpx.AsyncClient(trust_env=False) as http:
        for method, path in (
            ("GET", "/v1/events"),
            ("POST", "/v1/refunds"),
            ("POST", "/_local/faults"),
            ("POST", "/_local/sessions/x/pay"),
        ):
            answer = await http.request(method, local.url + path, headers=headers)
            assert answer.status_code == 401, path


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"a=" + b"x" * (64 * 1024), 413),
        (b"&".join(b"a%d=1" % number for number in range(501)), 400),
        (b"a" + b"[b]" * 2000 + b"=1", 400),
        (b"a=1&a[b]=2", 400),
        (b"\xff\xfe", 400),
    ],
    ids=["large", "many", "deep", "mixed", "binary"],
)
async def test_bodies_are_bounded(local: StripeForTests, body: bytes, status: int) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{local.url}/v1/refunds", content=body, headers=headers)
    assert (answer.status_code, "error" in answer.json()) == (status, True)
