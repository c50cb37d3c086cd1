"""The roles that payments need played: the provider, and our own record of it."""

from typing import Protocol

from schema.contracts.purchases import CheckoutSession, Payment
from schema.contracts.stripe_events import StripeDelivery


class Payments(Protocol):
    """A payment provider with a page to pay on. Every call may be made again."""

    async def open_checkout(self, payment: Payment) -> CheckoutSession:
        """The one page of this payment. Raises SpellError: SERVICE_UNAVAILABLE."""

    async def look_up(self, payment: Payment) -> CheckoutSession | None:
        """The page as the provider has it; None when it has none."""

    async def expire(self, payment: Payment) -> CheckoutSession | None:
        """Close the page; the answer says whether it was paid before that."""

    async def refund(self, payment: Payment) -> str:
        """Give all of it back, once; the refund's id there."""


class PaymentRecords(Protocol):
    """What the platform knows of payments; each change moves the ledger with it, once."""

    async def payment(self, purchase_id: str) -> Payment | None:
        """The payment of a purchase; None where there is nothing to pay."""

    async def opened(self, purchase_id: str, session: CheckoutSession) -> None:
        """Keep which page the provider made."""

    async def paid(self, purchase_id: str, session: CheckoutSession) -> None:
        """Take the provider's money in for the buyer."""

    async def intend_refund(self, purchase_id: str) -> bool:
        """Write down that it goes back, so that nothing is granted; False: it is not held now."""

    async def refunded(self, purchase_id: str, refund_id: str | None) -> None:
        """Record that the money went back where it came from."""

    async def released(self, purchase_id: str) -> None:
        """Record that nothing was paid, and that nothing can be any more."""


class StripeEvents(Protocol):
    """The inbox of what Stripe delivered."""

    async def claim(self, *, limit: int) -> list[StripeDelivery]:
        """Claim events that nobody handles, the oldest first."""

    async def handled(self, event_id: str) -> None:
        """Record that an event was handled."""

    async def release(self, event_id: str) -> None:
        """Let somebody else handle an event."""

    async def purge(self) -> int:
        """Forget what was handled a month ago; how many that were."""


class PaymentHints(Protocol):
    """The processes that wait for payments."""

    async def payment_settled(self, purchase_id: str) -> None:
        """Have the payment looked at. Raises SpellError: SERVICE_UNAVAILABLE."""
