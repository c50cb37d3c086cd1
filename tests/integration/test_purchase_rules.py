"""Goal: no code path can break the rules of purchases. Method: try, in plain SQL."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra.postgres import Database
from infra.repositories.accounts import PostgresAccounts
from schema.contracts.account import Cap, CapKind
from schema.contracts.purchases import PayWith, PurchaseOrder, PurchaseStatus
from tests.support.builders import PEPPER, make_person
from tests.support.money import assert_books_balance, credit_left
from tests.support.purchasing import PRICE, moved
from tests.support.shop import Shop, a_shop, session_of

PAYMENTS = {"intended", "open", "paid", "posted", "released", "refunded"}
NEXT_PAYMENTS = {
    "intended": {"open", "paid", "released"},
    "open": {"paid", "released"},
    "released": {"paid"},
    "paid": {"posted", "refunded"},
    "posted": set[str](),
    "refunded": set[str](),
}
PURCHASES = {"awaiting_payment", "paid", "completed", "refused", "abandoned", "cancelled", "failed"}
NEXT_PURCHASES = {
    "awaiting_payment": {"paid", "abandoned", "cancelled", "failed"},
    "paid": {"completed", "failed"},
    **{ended: set[str]() for ended in PURCHASES - {"awaiting_payment", "paid"}},
}
# What a row must have in each state; only the transition itself is tried.
CLOSED = "closed_at = CASE WHEN :state IN ('intended', 'open', 'paid') THEN NULL ELSE now() END"
PROVIDED = (
    "payment_intent = coalesce(payment_intent, 'pi_' || purchase_id),"
    " refund_id = 're_' || purchase_id"
)


@pytest.fixture
async def shop(database: Database) -> Shop:
    return await a_shop(database)


async def run(shop: Shop, statement: str, order: PurchaseOrder, **more: Any) -> None:
    async with shop.database.transaction() as connection:
        await connection.execute(text(statement), {"id": order.request.purchase_id, **more})


async def refused(shop: Shop, statement: str, order: PurchaseOrder, **more: Any) -> str:
    """The rule's own words; class 23 is an integrity rule, a typo would be class 42."""
    with pytest.raises(DBAPIError) as error:
        await run(shop, statement, order, **more)
    assert str(getattr(error.value.orig, "sqlstate", "")).startswith("23")
    return str(error.value.orig)


async def payment_in(shop: Shop, state: str) -> PurchaseOrder:
    """A purchase by card whose payment has come to a state."""
    order = shop.order(await make_person(shop.database))
    await shop.open(order)
    if state != "intended":
        await shop.opened(order)
    if state in ("paid", "posted", "refunded"):
        await shop.paid(order)
    if state == "posted":
        await shop.purchases.grant(order)
    if state == "refunded":
        await shop.give_back(order)
    if state == "released":
        await shop.payments.released(order.request.purchase_id)
    return order


async def purchase_in(shop: Shop, status: str) -> PurchaseOrder:
    """A purchase that has come to a status."""
    if status in ("awaiting_payment", "paid", "completed"):
        return await payment_in(
            shop, {"awaiting_payment": "open", "paid": "paid", "completed": "posted"}[status]
        )
    if status == "refused":
        order = shop.order(await make_person(shop.database))
        await shop.refuse(order)
        return order
    order = await payment_in(shop, "released")
    await shop.end(order, PurchaseStatus(status))
    return order


@pytest.mark.parametrize("before", sorted(PAYMENTS))
async def test_a_payment_only_goes_forward(shop: Shop, before: str) -> None:
    order = await payment_in(shop, before)
    for after in sorted(PAYMENTS - {before} - NEXT_PAYMENTS[before]):
        told = await refused(
            shop,
            f"UPDATE payments SET state = :state, {CLOSED}, {PROVIDED} WHERE purchase_id = :id",
            order,
            state=after,
        )
        assert f"cannot go from {before} to {after}" in told or "never changes" in told
    await assert_books_balance(shop.database)


@pytest.mark.parametrize("before", sorted(PURCHASES))
async def test_a_purchase_only_goes_forward(shop: Shop, before: str) -> None:
    order = await purchase_in(shop, before)
    for after in sorted(PURCHASES - {before} - NEXT_PURCHASES[before]):
        told = await refused(
            shop,
            "UPDATE purchases SET status = :status,"
            " problem = CASE WHEN :status IN ('awaiting_payment', 'paid', 'completed') THEN NULL"
            "  ELSE coalesce(problem, '{}') END,"
            " finished_at = CASE WHEN :status IN ('awaiting_payment', 'paid') THEN NULL"
            "  ELSE coalesce(finished_at, now()) END WHERE id = :id",
            order,
            status=after,
        )
        assert f"cannot go from {before} to {after}" in told


@pytest.mark.parametrize(
    "change",
    [
        "account_id = account_id || 'x'",
        "fingerprint = 'other'",
        "request = '{}'",
        "offer = offer || '{\"price_micros\": 1}'",
        "spell_key = 'com.example.other'",
        "fee_basis_points = 0",
        "created_at = now() - interval '1 day'",
        "generation_intended_at = NULL",
        "generation_intended_at = now() + interval '1 day'",
        "problem = '{}'",
        "finished_at = now() + interval '1 day'",
        "finished_at = NULL",
        "status = 'on its way'",
    ],
)
async def test_what_a_purchase_is_of_never_changes(shop: Shop, change: str) -> None:
    order = await payment_in(shop, "paid")
    await shop.purchases.intend_generation(order.request.purchase_id)
    await shop.purchases.grant(order)
    await refused(shop, f"UPDATE purchases SET {change} WHERE id = :id", order)


@pytest.mark.parametrize(
    "change",
    [
        "provider = 'credit'",
        "amount_micros = amount_micros - 1",
        "currency = 'EUR'",
        "session_id = 'cs_another'",
        "session_id = NULL",
        "payment_intent = 'pi_another'",
        "refund_id = 're_another'",
        "refund_intended_at = NULL",
        "intended_at = now() - interval '1 day'",
        "day = day + 1",
        "closed_at = NULL",
        "account_id = account_id || 'x'",
    ],
)
async def test_what_is_known_of_a_payment_never_changes(shop: Shop, change: str) -> None:
    order = await payment_in(shop, "refunded")
    await refused(shop, f"UPDATE payments SET {change} WHERE purchase_id = :id", order)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM purchases WHERE id = :id",
        "DELETE FROM payments WHERE purchase_id = :id",
        "DELETE FROM entitlements WHERE purchase_id = :id",
        "UPDATE entitlements SET license_url = 'https://elsewhere' WHERE purchase_id = :id",
        "UPDATE entitlements SET granted_at = now() WHERE purchase_id = :id",
    ],
)
async def test_what_was_bought_is_kept(shop: Shop, statement: str) -> None:
    order = await payment_in(shop, "posted")
    assert "append-only" in await refused(shop, statement, order)


@pytest.mark.parametrize("table", ["entitlements", "payments CASCADE", "purchases CASCADE"])
async def test_no_table_of_purchases_is_emptied(shop: Shop, table: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        async with shop.database.transaction() as connection:
            await connection.execute(text(f"TRUNCATE {table}"))


@pytest.mark.parametrize(
    ("column", "table"),
    [("session_id", "payments"), ("payment_intent", "payments"), ("refund_id", "payments")],
)
async def test_what_the_provider_has_belongs_to_one_payment(
    shop: Shop, column: str, table: str
) -> None:
    theirs = await payment_in(shop, "refunded")
    state = "intended" if column == "session_id" else "open"
    ours = await payment_in(shop, state)
    told = await refused(
        shop,
        f"UPDATE {table} SET {column} = (SELECT {column} FROM {table} WHERE purchase_id = :theirs)"
        " WHERE purchase_id = :id",
        ours,
        theirs=theirs.request.purchase_id,
    )
    assert "duplicate key" in told


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "'pur_x'"},
        {"status": "'awaiting_payment'", "finished_at": "now()"},
        {"status": "'failed'"},
        {"status": "'refused'", "problem": "'{}'", "finished_at": "now()"},
        {"offer": "NULL"},
        {"fee_basis_points": "10001"},
        {"account_id": "'acct_nobody'"},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_a_purchase_that_makes_no_sense_is_not_recorded(
    shop: Shop, changes: dict[str, str]
) -> None:
    order = await payment_in(shop, "open")
    other = shop.order(await make_person(shop.database))
    values = {
        "id": f"'{other.request.purchase_id}'",
        "account_id": "account_id",
        "api_key_id": "api_key_id",
        "fingerprint": "fingerprint",
        "request": "request",
        "spell_key": "spell_key",
        "offer": "offer",
        "status": "'awaiting_payment'",
        "problem": "NULL",
        "finished_at": "NULL",
        "fee_basis_points": "fee_basis_points",
    }
    chosen = ", ".join({**values, **changes}.values())
    insert = f"INSERT INTO purchases ({', '.join(values)}) SELECT {chosen} FROM purchases"
    await refused(shop, f"{insert} WHERE id = :id", order)


async def test_money_that_stripe_took_is_recorded_only_with_where_it_is(shop: Shop) -> None:
    order = await payment_in(shop, "open")
    told = await refused(shop, "UPDATE payments SET state = 'paid' WHERE purchase_id = :id", order)
    assert "check constraint" in told
    order = await payment_in(shop, "paid")
    await refused(
        shop,
        "UPDATE payments SET state = 'refunded', closed_at = now() WHERE purchase_id = :id",
        order,
    )


async def test_no_amount_but_the_price_is_taken_in(shop: Shop) -> None:
    order = await payment_in(shop, "open")
    cheap = session_of(order).model_copy(update={"amount_micros": 1})
    with pytest.raises(AssertionError):
        await shop.payments.paid(order.request.purchase_id, cheap)
    assert await moved(shop.database, order.request.purchase_id) == {}


async def test_credit_for_three_copies_buys_three_of_twenty_at_once(shop: Shop) -> None:
    buyer = await make_person(shop.database, credit_micros=3 * PRICE)
    orders = [shop.order(buyer, PayWith.CREDIT) for _ in range(20)]
    answers = await asyncio.gather(*(shop.open(order) for order in orders))
    assert sorted(problem.code for problem in answers if problem) == ["PAYMENT_REQUIRED"] * 17
    assert await credit_left(shop.database, buyer) == 0
    bought = [order for order, problem in zip(orders, answers, strict=True) if problem is None]
    await asyncio.gather(*(shop.purchases.grant(order) for order in bought * 2))
    await assert_books_balance(shop.database)


async def test_credit_is_held_under_the_accounts_caps(shop: Shop) -> None:
    buyer = await make_person(shop.database, credit_micros=10 * PRICE)
    accounts = PostgresAccounts(shop.database, pepper=PEPPER)
    cap = Cap(kind=CapKind.DAY, currency="USD", cap_micros=2 * PRICE - 1)
    await accounts.set_cap(buyer.account_id, cap)
    first, second = [shop.order(buyer, PayWith.CREDIT) for _ in range(2)]
    assert await shop.open(first) is None
    problem = await shop.open(second)
    assert problem is not None
    assert problem.code == "BUDGET_CAP_EXCEEDED"
    await refused(
        shop,
        "UPDATE budgets SET held_micros = held_micros + :price WHERE account_id ="
        " (SELECT account_id FROM purchases WHERE id = :id) AND kind = 'account_day'",
        first,
        price=PRICE,
    )
    await shop.give_back(first)
    assert await shop.open(shop.order(buyer, PayWith.CREDIT)) is None


async def test_a_card_pays_beside_credit_and_its_caps(shop: Shop) -> None:
    order = await payment_in(shop, "posted")
    async with shop.database.reading() as connection:
        rows = await connection.execute(
            text("SELECT count(*) FROM budgets WHERE account_id = :account"),
            {"account": order.request.account_id},
        )
        assert rows.scalar_one() == 0


@pytest.mark.parametrize("pay_with", list(PayWith))
async def test_eight_at_once_take_split_or_give_back_the_money_once(
    shop: Shop, pay_with: PayWith
) -> None:
    buyer = await make_person(shop.database, credit_micros=PRICE)
    order = shop.order(buyer, pay_with)
    await asyncio.gather(*(shop.open(order) for _ in range(8)))
    if pay_with is PayWith.CHECKOUT:
        await asyncio.gather(*(shop.paid(order) for _ in range(8)))
    await asyncio.gather(
        *(shop.purchases.grant(order) for _ in range(4)),
        *(shop.give_back(order) for _ in range(4)),
        return_exceptions=True,
    )
    found = await moved(shop.database, order.request.purchase_id)
    assert sum(found.values()) == 2 * PRICE
    await assert_books_balance(shop.database)
