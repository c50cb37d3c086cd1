"""Goal: the end of a purchase is told in its transaction, once; what goes back is never granted."""

import json
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra.postgres import Database
from infra.repositories.webhook_endpoints import PostgresWebhookEndpoints
from schema.contracts.purchases import PurchaseStatus
from schema.contracts.webhooks import EndpointSettings
from schema.ids import notification_id_for
from tests.support.builders import Person, make_person
from tests.support.platform import make_vault
from tests.support.purchasing import LICENSE, PRICE
from tests.support.shop import a_shop


async def _listener(database: Database) -> Person:
    """A buyer with an endpoint for what becomes of purchases."""
    buyer = await make_person(database)
    endpoints = PostgresWebhookEndpoints(database, make_vault())
    settings = EndpointSettings(url="https://buyer.example/", events=["purchase.*"])
    await endpoints.create(buyer.account_id, settings)
    return buyer


async def _told(database: Database, purchase_id: str) -> list[tuple[str, Any]]:
    async with database.reading() as connection:
        rows = await connection.execute(
            text("SELECT event, data FROM webhook_messages WHERE id = :id"),
            {"id": notification_id_for(f"purchase-ended:{purchase_id}")},
        )
        return [(row.event, row.data) for row in rows]


@pytest.mark.parametrize("status", ["abandoned", "cancelled", "failed"])
async def test_a_purchase_that_did_not_come_about_is_told_once(
    database: Database, status: str
) -> None:
    shop, buyer = await a_shop(database), await _listener(database)
    order = shop.order(buyer)
    await shop.open(order)
    assert await _told(database, order.request.purchase_id) == []
    await shop.end(order, PurchaseStatus(status))
    await shop.end(order, PurchaseStatus.FAILED)
    [(event, data)] = await _told(database, order.request.purchase_id)
    assert event == f"purchase.{status}"
    assert (data["status"], data["code"]) == (status, "GENERATION_FAILED")
    assert data["price"] == {"micros": PRICE, "currency": "USD"}


async def test_a_completed_purchase_is_told_once_with_its_licence(database: Database) -> None:
    shop, buyer = await a_shop(database), await _listener(database)
    order = shop.order(buyer)
    await shop.open(order)
    await shop.opened(order)
    await shop.paid(order)
    await shop.purchases.grant(order)
    await shop.purchases.grant(order)
    [(event, data)] = await _told(database, order.request.purchase_id)
    assert event == "purchase.completed"
    assert (data["license_url"], data["code"]) == (LICENSE, None)
    assert buyer.key_text not in json.dumps(data)


async def test_a_refusal_is_told_to_nobody(database: Database) -> None:
    shop, buyer = await a_shop(database), await _listener(database)
    order = shop.order(buyer)
    await shop.refuse(order)
    assert await _told(database, order.request.purchase_id) == []


async def test_what_goes_back_is_never_granted(database: Database) -> None:
    shop, buyer = await a_shop(database), await make_person(database)
    order = shop.order(buyer)
    purchase_id = order.request.purchase_id
    await shop.open(order)
    await shop.opened(order)
    assert not await shop.payments.intend_refund(purchase_id), "nothing is paid yet"
    await shop.paid(order)
    assert await shop.payments.intend_refund(purchase_id)
    with pytest.raises(AssertionError, match="what goes back is not granted"):
        await shop.purchases.grant(order)
    with pytest.raises(DBAPIError, match="goes back"):
        async with database.transaction() as connection:
            await connection.execute(
                text(
                    "UPDATE payments SET state = 'posted', closed_at = now()"
                    " WHERE purchase_id = :id"
                ),
                {"id": purchase_id},
            )
    await shop.give_back(order)


async def test_what_was_granted_never_goes_back(database: Database) -> None:
    shop, buyer = await a_shop(database), await make_person(database)
    order = shop.order(buyer)
    await shop.open(order)
    await shop.opened(order)
    await shop.paid(order)
    await shop.purchases.grant(order)
    assert not await shop.payments.intend_refund(order.request.purchase_id)
    await shop.end(order, PurchaseStatus.FAILED)
    found = await shop.purchases.purchase(buyer.account_id, order.request.purchase_id)
    assert found is not None
    assert found.status is PurchaseStatus.COMPLETED
