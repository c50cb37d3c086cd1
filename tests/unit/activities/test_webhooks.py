"""Goal: a slow receiver holds up itself alone. Method: receivers that answer when the test says."""

import asyncio

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.webhooks import WebhookActivities
from schema import limits
from schema.contracts.notifications import DeliveryState
from schema.contracts.webhooks import AttemptResult, WebhookDelivery, WebhookDeliveryRef
from tests.support.webhooks import MESSAGE, a_delivery

SLOW, QUICK = (f"whe_{letter * 16}" for letter in "sq")


class Held:
    """A store with one message for everybody, and a way out on which the slow one is stuck."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.sending = 0
        self.busy = asyncio.Event()

    async def waiting(
        self, *, limit: int, message_id: str | None = None
    ) -> list[WebhookDeliveryRef]:
        del limit, message_id
        return []

    async def relayed(self, delivery: WebhookDeliveryRef) -> None:
        del delivery

    async def find(self, delivery: WebhookDeliveryRef) -> WebhookDelivery | DeliveryState:
        return a_delivery(f"https://{delivery.target[4:]}.example/")

    async def record(self, delivery: WebhookDeliveryRef, result: AttemptResult) -> DeliveryState:
        del delivery, result
        return DeliveryState.DELIVERED

    async def bury(self, delivery: WebhookDeliveryRef) -> DeliveryState:
        del delivery
        return DeliveryState.DEAD

    async def purge(self) -> int:
        return 0

    async def start(self, delivery: WebhookDeliveryRef) -> bool:
        del delivery
        return True

    async def send(self, delivery: WebhookDelivery) -> AttemptResult:
        if "ssss" in delivery.destination.url:
            self.sending += 1
            if self.sending == limits.WEBHOOK_SENDS_PER_TARGET_MAX:
                self.busy.set()
            await self.free.wait()
        return AttemptResult(status_code=200, milliseconds=1)


async def test_a_receiver_with_all_its_places_taken_is_asked_later_and_others_now() -> None:
    held = Held()
    webhooks = WebhookActivities(held, held, held)

    async def attempt(target: str) -> DeliveryState:
        ref = WebhookDeliveryRef(message_id=MESSAGE.id, target=target)
        return await ActivityEnvironment().run(webhooks.attempt, ref)

    stuck = [asyncio.create_task(attempt(SLOW)) for _ in range(limits.WEBHOOK_SENDS_PER_TARGET_MAX)]
    async with asyncio.timeout(20):
        await held.busy.wait()
        with pytest.raises(ApplicationError) as refused:
            await attempt(SLOW)
        assert refused.value.type == "WEBHOOK_BUSY"
        assert refused.value.next_retry_delay is not None
        assert not refused.value.non_retryable
        assert await attempt(QUICK) is DeliveryState.DELIVERED
        held.free.set()
        assert await asyncio.gather(*stuck) == [DeliveryState.DELIVERED] * len(stuck)
        assert await attempt(SLOW) is DeliveryState.DELIVERED
