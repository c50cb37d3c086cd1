"""The roles that routes about purchases need played."""

from typing import Protocol

from schema.contracts.problem import Problem
from schema.contracts.purchases import PurchaseAnswer, PurchaseInput, PurchaseView
from schema.contracts.stripe_events import StripeDelivery


class Purchasing(Protocol):
    """The durable process of purchases."""

    async def buy(self, request: PurchaseInput) -> PurchaseAnswer:
        """Start the purchase or join it. Raises IDEMPOTENCY_CONFLICT, SERVICE_UNAVAILABLE."""

    async def cancel(self, purchase_id: str) -> None:
        """Give the purchase up. Raises PURCHASE_FINISHED, SERVICE_UNAVAILABLE."""

    async def payment_settled(self, purchase_id: str) -> None:
        """Have the payment looked at. Raises SERVICE_UNAVAILABLE."""


class PurchaseReads(Protocol):
    """Purchases as their buyers see them."""

    async def recorded(self, purchase_id: str) -> tuple[str, Problem | None] | None:
        """The fingerprint that a purchase was asked for with, and its problem."""

    async def purchase(self, account_id: str, purchase_id: str) -> PurchaseView | None:
        """The account's purchase; None for others'."""

    async def purchases(
        self, account_id: str, *, before: str | None, limit: int
    ) -> list[PurchaseView]:
        """The account's purchases, newest first, after the one named."""


class StripeSignatures(Protocol):
    """Reads what Stripe delivers."""

    def read(self, body: bytes, signature: str) -> StripeDelivery:
        """The delivery. Raises SIGNATURE_INVALID, VALIDATION_ERROR."""


class StripeDeliveries(Protocol):
    """The inbox of what Stripe delivers: each event is handled once."""

    async def receive(self, delivery: StripeDelivery) -> bool:
        """Write an event down and claim it; False: it was handled, or somebody is at it."""

    async def handled(self, event_id: str) -> None:
        """Record that an event was handled."""

    async def release(self, event_id: str) -> None:
        """Let somebody else handle an event."""
