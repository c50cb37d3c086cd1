"""Goal: a key is answered as it was answered first, as Stripe documents. Method: faults."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

from tests.support.local_stripe import KEY, StripeForTests, a_session, running_stripe

SESSIONS = "/v1/checkout/sessions"


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[StripeForTests]:
    async with running_stripe(tmp_path) as running:
        yield running


async def opened(local: StripeForTests, key: str, **changes: Any) -> Any:
    params: Any = a_session(expires_at=None, **changes)
    del params["expires_at"]
    return await local.client().v1.checkout.sessions.create_async(
        params=params, options={"idempotency_key": key}
    )


async def test_a_key_that_is_used_again_gets_its_first_answer(local: StripeForTests) -> None:
    first = await opened(local, "key")
    again = await opened(local, "key")
    assert again.to_dict() == first.to_dict()
    assert len(local.sessions()) == 1
    assert first.last_response.headers.get("idempotent-replayed") is None
    assert again.last_response.headers["idempotent-replayed"] == "true"


async def test_eight_at_once_with_one_key_open_one_page(local: StripeForTests) -> None:
    made = await asyncio.gather(*(opened(local, "key") for _ in range(8)))
    assert len({each.id for each in made}) == 1
    assert len(local.sessions()) == 1


async def test_without_a_key_each_request_is_one_of_its_own(local: StripeForTests) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    body = "mode=payment&success_url=http://x&line_items[0][quantity]=1" + "".join(
        f"&line_items[0][price_data][{name}]={value}"
        for name, value in (("currency", "usd"), ("unit_amount", 5), ("product_data][name", "x"))
    )
    async with httpx.AsyncClient(trust_env=False) as http:
        for _ in range(2):
            answer = await http.post(local.url + SESSIONS, content=body, headers=headers)
            assert answer.status_code == 200
    assert len(local.sessions()) == 2


@pytest.mark.parametrize("change", [{"client_reference_id": "another"}, {"metadata": {"a": "b"}}])
async def test_a_key_with_other_parameters_is_refused(
    local: StripeForTests, change: dict[str, Any]
) -> None:
    first = await opened(local, "key")
    with pytest.raises(stripe.IdempotencyError, match="same parameters") as refused:
        await opened(local, "key", **change)
    assert refused.value.http_status == 400
    assert (await opened(local, "key")).id == first.id


async def test_a_key_at_another_address_is_refused(local: StripeForTests) -> None:
    await opened(local, "key")
    with pytest.raises(stripe.IdempotencyError):
        await local.client().v1.refunds.create_async(
            params={"payment_intent": "pi_x"}, options={"idempotency_key": "key"}
        )


async def test_a_refusal_is_an_answer_too(local: StripeForTests) -> None:
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError, match="Only mode"):
            await opened(local, "key", mode="setup")
    with pytest.raises(stripe.IdempotencyError):
        await opened(local, "key")


@pytest.mark.parametrize(("kind", "pages"), [("500", 0), ("500_after", 1)])
async def test_a_500_is_kept_and_tells_nothing_of_what_was_done(
    local: StripeForTests, kind: str, pages: int
) -> None:
    await local.fault(SESSIONS, kind)
    for _ in range(3):
        with pytest.raises(stripe.APIError) as failed:
            await opened(local, "key")
        assert failed.value.http_status == 500
    assert len(local.sessions()) == pages
    await opened(local, "another key")


@pytest.mark.parametrize(
    ("kind", "error", "status"),
    [
        ("502", stripe.APIError, 502),
        ("409", stripe.APIError, 409),
        ("429", stripe.RateLimitError, 429),
    ],
)
async def test_what_is_refused_before_it_begins_is_not_kept(
    local: StripeForTests, kind: str, error: type[stripe.StripeError], status: int
) -> None:
    await local.fault(SESSIONS, kind)
    with pytest.raises(error) as failed:
        await opened(local, "key")
    assert failed.value.http_status == status
    assert local.sessions() == []
    await opened(local, "key")
    assert len(local.sessions()) == 1


async def test_an_answer_that_was_lost_is_given_again(local: StripeForTests) -> None:
    await local.fault(SESSIONS, "drop")
    with pytest.raises(stripe.APIConnectionError):
        await opened(local, "key")
    assert len(local.sessions()) == 1
    assert (await opened(local, "key")).id == local.sessions()[0]["id"]
    assert len(local.sessions()) == 1


async def test_the_clients_own_retries_open_one_page(local: StripeForTests) -> None:
    await local.fault(SESSIONS, "drop")
    await local.fault(SESSIONS, "409")
    await local.client(max_network_retries=3).v1.checkout.sessions.create_async(
        params=a_session()  # type: ignore[arg-type]
    )
    assert len(local.sessions()) == 1


async def test_keys_are_forgotten_after_a_day_and_not_before(tmp_path: Path) -> None:
    async with running_stripe(tmp_path) as local:
        first = await opened(local, "key")
        for hours, same in ((23, True), (25, False)):
            local.store._connection.execute(
                "UPDATE answers SET at = unixepoch() - ?", (hours * 3600,)
            )
            again = await opened(local, "key")
            assert (again.id == first.id) is same


async def test_a_key_of_more_than_255_characters_is_refused(local: StripeForTests) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="255"):
        await opened(local, "k" * 256)
    assert local.sessions() == []


@pytest.mark.parametrize(
    "order",
    [
        {"place": "/v1/refunds", "kind": "lose"},
        {"place": "webhook", "kind": "drop"},
        {"place": "/v1/refunds", "kind": "drop", "times": "many"},
        {"place": "/v1/refunds", "kind": "drop", "times": 10_001},
        [],
    ],
)
async def test_a_fault_that_could_not_strike_is_refused(local: StripeForTests, order: Any) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{local.url}/_local/faults", json=order, headers=headers)
    assert answer.status_code == 400
