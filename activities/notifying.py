"""Notifications: from the outbox to the channels of people."""

from collections.abc import Mapping

from temporalio import activity

from activities._failures import to_failure
from activities.supply_chain.aftercare_ports import Deliveries, NotificationChannel, Outbox
from schema.contracts.notifications import DeliveryRef, RelayReport
from schema.errors import SpellError

DELIVERIES_PER_LOOK = 500


class NotifyingActivities:
    """Tells accounts what happened."""

    def __init__(
        self,
        outbox: Outbox,
        deliveries: Deliveries,
        channels: Mapping[str, NotificationChannel],
    ) -> None:
        self._outbox = outbox
        self._deliveries = deliveries
        self._channels = channels

    @activity.defn(name="notifying.relay")
    async def relay(self) -> RelayReport:
        """Start a workflow for each delivery that none cares for yet.

        Effect: workflows started; the deliveries noted as relayed.
        Same twice: a delivery's workflow has its business id, so a second start joins the first.
        Gives up on: nothing; the next look comes within a minute.
        Heartbeat: after each delivery.
        """
        waiting = await self._outbox.waiting(limit=DELIVERIES_PER_LOOK)
        for delivery in waiting:
            await self._deliveries.start(delivery)
            await self._outbox.relayed(delivery)
            activity.heartbeat()
        return RelayReport(started=len(waiting))

    @activity.defn(name="notifying.deliver")
    async def deliver(self, delivery: DeliveryRef) -> None:
        """Send a notification through one channel.

        Effect: the notification at its receiver, at least once and always with the same id.
        Same twice: a delivery that has ended is not sent again; one whose end was not recorded is.
        Gives up on: DELIVERY_REFUSED (the receiver wants no more of it).
        Heartbeat: none; a channel has a time limit of its own.
        """
        found = await self._outbox.find(delivery)
        if found is None:
            await self._outbox.end(delivery, "dropped")
            return
        try:
            await self._channel(delivery.channel).send(found)
        except Exception as error:  # noqa: BLE001  (its words, and its causes', may be the address)
            failure = _in_our_words(error)
            await self._outbox.failed(delivery, failure.message)
            raise to_failure(failure) from None
        await self._outbox.end(delivery, "delivered")

    @activity.defn(name="notifying.bury")
    async def bury(self, delivery: DeliveryRef) -> None:
        """Keep a delivery that nobody took as a dead letter.

        Effect: the delivery's state; its last error stays with it.
        Same twice: a delivery that has ended stays as it is.
        Gives up on: nothing.
        Heartbeat: none; one update.
        """
        await self._outbox.end(delivery, "dead")

    def _channel(self, kind: str) -> NotificationChannel:
        channel = self._channels.get(kind)
        if channel is None:
            message = f"This platform sends nothing by {kind}."
            raise SpellError("DELIVERY_REFUSED", message)
        return channel


def _in_our_words(error: Exception) -> SpellError:
    """An error that holds no address: a history keeps it, with everything that it was caused by."""
    if isinstance(error, SpellError):
        return error
    return SpellError("DELIVERY_FAILED", f"It could not be sent ({type(error).__name__}).")
