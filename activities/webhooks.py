"""Webhooks: from the messages to the receivers of accounts."""

import random
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.sending_places import NoPlaceError, SendingPlaces
from activities.webhook_ports import WebhookDeliveries, WebhookSender, WebhookStore
from schema import limits
from schema.contracts.notifications import DeliveryState
from schema.contracts.webhooks import WebhookDelivery, WebhookDeliveryRef, WebhookRelayReport

DELIVERIES_PER_PAGE = 500
PAGES_PER_LOOK_MAX = 20
_COME_AGAIN_SECONDS_MAX = 60.0


class WebhookActivities:
    """Tells receivers what happened."""

    def __init__(
        self, store: WebhookStore, deliveries: WebhookDeliveries, sender: WebhookSender
    ) -> None:
        self._store = store
        self._deliveries = deliveries
        self._sender = sender
        self._places = SendingPlaces(
            limits.WEBHOOK_SENDS_PER_TARGET_MAX, limits.WEBHOOK_SENDS_PER_ACCOUNT_MAX
        )

    @activity.defn(name="webhooks.relay")
    async def relay(self) -> WebhookRelayReport:
        """Start a workflow for each delivery that none cares for yet, and delete what is old.

        Effect: workflows started; the deliveries noted as relayed; old messages deleted.
        Same twice: a delivery's workflow has its business id, so that there is one at a time.
        Gives up on: nothing; the next look comes within a minute.
        Heartbeat: after each delivery.
        """
        started = 0
        for _ in range(PAGES_PER_LOOK_MAX):
            waiting = await self._store.waiting(limit=DELIVERIES_PER_PAGE)
            of_page = sum([await self._start(delivery) for delivery in waiting])
            started += of_page
            if len(waiting) < DELIVERIES_PER_PAGE or of_page == 0:
                break
        return WebhookRelayReport(started=started, purged=await self._store.purge())

    async def _start(self, delivery: WebhookDeliveryRef) -> bool:
        """A workflow that is just ending cares no more: then the next look starts another."""
        started = await self._deliveries.start(delivery)
        if started:
            await self._store.relayed(delivery)
        activity.heartbeat()
        return started

    @activity.defn(name="webhooks.attempt")
    async def attempt(self, delivery: WebhookDeliveryRef) -> DeliveryState:
        """Send a message to its receiver once, and log how that went.

        Effect: the message at its receiver, at least once and always with the same id; a line in
            the delivery log; an endpoint that is gone or fails for days is disabled.
        Same twice: a delivery that has ended is not sent again; one whose end was not recorded is.
        Gives up on: nothing; an attempt that fails is a result, and the workflow waits.
        Heartbeat: none; sending has a time limit of its own.
        """
        found = await self._store.find(delivery)
        if isinstance(found, DeliveryState):
            return found
        return await self._send(delivery, found)

    async def _send(self, ref: WebhookDeliveryRef, delivery: WebhookDelivery) -> DeliveryState:
        try:
            with self._places.taken(delivery.destination.account_id, ref.target):
                result = await self._sender.send(delivery)
        except NoPlaceError:
            raise _busy(activity.info().attempt) from None
        return await self._store.record(ref, result)

    @activity.defn(name="webhooks.bury")
    async def bury(self, delivery: WebhookDeliveryRef) -> DeliveryState:
        """Keep a delivery that nobody took as a dead letter.

        Effect: the delivery's state; its attempts stay with it.
        Same twice: a delivery that has ended stays as it is.
        Gives up on: nothing.
        Heartbeat: none; one update.
        """
        return await self._store.bury(delivery)


def _busy(attempt: int) -> ApplicationError:
    """Come again, less often each time: ten thousand that wait for one receiver stay cheap."""
    pause = min(2.0**attempt, _COME_AGAIN_SECONDS_MAX) * (0.5 + random.random())  # noqa: S311
    return ApplicationError(
        "as much is being sent there as may be",
        type="WEBHOOK_BUSY",
        next_retry_delay=timedelta(seconds=pause),
    )
