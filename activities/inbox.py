"""The net under Stripe's deliveries: events that were written down and never handled."""

from temporalio import activity

from activities.payment_ports import PaymentHints, StripeEvents
from schema import limits
from schema.contracts.stripe_events import StripeDelivery, StripeRelayReport
from schema.errors import SpellError


class InboxActivities:
    """Steps about the inbox.

    Args:
        events: what Stripe delivered.
        hints: whom to tell.
    """

    def __init__(self, events: StripeEvents, hints: PaymentHints) -> None:
        self._events = events
        self._hints = hints

    @activity.defn(name="inbox.relay")
    async def relay(self) -> StripeRelayReport:
        """Handle what whoever took it did not handle, and forget what is old.

        Effect: payments that are looked at; events recorded as handled; old ones deleted.
        Same twice: an event is a hint, and one that was handled is not claimed again.
        Gives up on: nothing; the next look comes within a minute.
        Heartbeat: after each event.
        """
        handled = 0
        while handled < limits.STRIPE_EVENTS_PER_LOOK_MAX:
            claimed = await self._events.claim(limit=limits.STRIPE_EVENTS_PER_PAGE)
            done = sum([await self._handle(event) for event in claimed])
            handled += done
            if not done:
                break
        return StripeRelayReport(handled=handled, purged=await self._events.purge())

    async def _handle(self, event: StripeDelivery) -> bool:
        """Pass one event on; False: nobody could be told, so it waits for the next look."""
        activity.heartbeat()
        try:
            if event.purchase_id is not None:
                await self._hints.payment_settled(event.purchase_id)
        except SpellError:
            await self._events.release(event.event_id)
            return False
        await self._events.handled(event.event_id)
        return True
