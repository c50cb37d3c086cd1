"""Purchases as the database sees them: recorded, paid, split, given back; nobody else is there."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.postgres import Database
from infra.repositories.purchase_money import PostgresPayments
from infra.repositories.purchases import PostgresPurchases
from schema.contracts.problem import Problem
from schema.contracts.purchases import (
    CheckoutSession,
    EndOrder,
    OpenOrder,
    PayWith,
    PurchaseOffer,
    PurchaseOrder,
    PurchaseStatus,
    RefuseOrder,
)
from schema.errors import SpellError
from tests.support.builders import Person, make_person, publish
from tests.support.purchasing import FEE, LICENSE, PRICE, TEMPLATE, a_purchase


class Shop:
    """One template on sale, and what is recorded of those who buy it."""

    def __init__(self, database: Database, spell_key: str, maker: Person) -> None:
        self.database, self.spell_key, self.maker = database, spell_key, maker
        self.purchases = PostgresPurchases(database, fee_basis_points=FEE)
        self.payments = PostgresPayments(database)

    def order(
        self, buyer: Person, pay_with: PayWith = PayWith.CHECKOUT, price: int = PRICE
    ) -> PurchaseOrder:
        """What somebody asks for."""
        return PurchaseOrder(
            request=a_purchase(buyer, self.spell_key, pay_with=pay_with),
            offer=PurchaseOffer(
                version="1.0.0",
                package_digest="sha256:" + "a" * 64,
                maker_account_id=self.maker.account_id,
                template_repo=TEMPLATE,
                license_url=LICENSE,
                currency="USD",
                price_micros=price,
            ),
        )

    async def open(self, order: PurchaseOrder) -> Problem | None:
        """Record it with its intended payment."""
        expires_at = datetime.now(UTC) + timedelta(hours=23)
        return await self.purchases.open(OpenOrder(order=order, expires_at=expires_at))

    async def opened(self, order: PurchaseOrder) -> None:
        """Stripe has made a page."""
        await self.payments.opened(order.request.purchase_id, session_of(order, paid=False))

    async def paid(self, order: PurchaseOrder) -> None:
        """Stripe says that it was paid."""
        await self.payments.paid(order.request.purchase_id, session_of(order))

    async def give_back(self, order: PurchaseOrder) -> None:
        """It went back where it came from."""
        by_card = order.request.pay_with is PayWith.CHECKOUT
        refund_id = f"re_{order.request.purchase_id}" if by_card else None
        if not await self.payments.intend_refund(order.request.purchase_id):
            return
        await self.payments.refunded(order.request.purchase_id, refund_id)

    async def end(self, order: PurchaseOrder, status: PurchaseStatus) -> None:
        """It did not come about."""
        problem = Problem.of(SpellError("GENERATION_FAILED"))
        purchase_id = order.request.purchase_id
        await self.purchases.end(EndOrder(purchase_id=purchase_id, status=status, problem=problem))

    async def refuse(self, order: PurchaseOrder) -> None:
        """It was refused before anything was recorded."""
        problem = Problem.of(SpellError("SPELL_NOT_FOUND"))
        await self.purchases.refuse(RefuseOrder(request=order.request, problem=problem))


async def a_shop(database: Database) -> Shop:
    """A shop with a maker of its own."""
    maker = await make_person(database)
    return Shop(database, (await publish(database, maker)).spell_key, maker)


def session_of(order: PurchaseOrder, *, paid: bool = True) -> CheckoutSession:
    """The page as Stripe tells of it."""
    purchase_id = order.request.purchase_id
    more: dict[str, Any] = {"status": "open", "url": f"https://pay.example/{purchase_id}"}
    if paid:
        more = {"status": "complete", "paid": True, "payment_intent": f"pi_{purchase_id}"}
    return CheckoutSession(
        session_id=f"cs_{purchase_id}",
        amount_micros=order.offer.price_micros,
        currency=order.offer.currency,
        **more,
    )


def unique(prefix: str) -> str:
    """An id that nobody has."""
    return f"{prefix}_{secrets.token_hex(8)}"
