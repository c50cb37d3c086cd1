"""What Stripe delivers: checked, written down, passed on as a hint.

An event only has a purchase's payment looked at; what Stripe says then is what counts. So events
may come twice, late, in any order or not at all.
"""

from api.purchase_ports import Purchasing, StripeDeliveries, StripeSignatures

_ABOUT_SESSIONS = "checkout.session."


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
        purchase_id = event.purchase_id if event.kind.startswith(_ABOUT_SESSIONS) else None
        if not await self._deliveries.receive(event.event_id, event.kind, purchase_id):
            return
        if purchase_id is not None:
            await self._purchasing.payment_settled(purchase_id)
        await self._deliveries.handled(event.event_id)
