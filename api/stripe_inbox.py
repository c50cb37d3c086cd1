"""What Stripe delivers: checked, written down, passed on as a hint.

An event only has a purchase's payment looked at; what Stripe says then is what counts. So events
may come twice, late, in any order or not at all. One that is written down but was never handled is
found by the workflow `relay_stripe_events`.
"""

from api.purchase_ports import Purchasing, StripeDeliveries, StripeSignatures
from schema.errors import SpellError


class StripeInbox:
    """Takes Stripe's deliveries.

    Args:
        signatures: check them.
        deliveries: remember them.
        purchasing: the processes that wait for payments.
    """

    def __init__(
        self, signatures: StripeSignatures, deliveries: StripeDeliveries, purchasing: Purchasing
    ) -> None:
        self._signatures = signatures
        self._deliveries = deliveries
        self._purchasing = purchasing

    async def take(self, body: bytes, signature: str) -> None:
        """Deal with one delivery; what is about nothing of ours changes nothing.

        Raises:
            SpellError: SIGNATURE_INVALID, VALIDATION_ERROR; SERVICE_UNAVAILABLE: deliver again.
        """
        event = self._signatures.read(body, signature)
        if not await self._deliveries.receive(event):
            return
        if event.purchase_id is not None:
            await self._wake(event.event_id, event.purchase_id)
        await self._deliveries.handled(event.event_id)

    async def _wake(self, event_id: str, purchase_id: str) -> None:
        """Have the payment looked at; an event that could not be passed on is nobody's again."""
        try:
            await self._purchasing.payment_settled(purchase_id)
        except SpellError:
            await self._deliveries.release(event_id)
            raise
