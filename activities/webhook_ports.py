"""The roles that deliveries of webhooks need played. Adapters are in `infra/`."""

from typing import Protocol

from schema.contracts.notifications import DeliveryState
from schema.contracts.webhooks import AttemptResult, WebhookDelivery, WebhookDeliveryRef


class WebhookStore(Protocol):
    """Messages on their way: every method is one transaction, safe to repeat."""

    async def waiting(
        self, *, limit: int, message_id: str | None = None
    ) -> list[WebhookDeliveryRef]:
        """Deliveries that no workflow cares for yet: all, or those of one message."""

    async def relayed(self, delivery: WebhookDeliveryRef) -> None:
        """Note that a workflow cares for a delivery now."""

    async def find(self, delivery: WebhookDeliveryRef) -> WebhookDelivery | DeliveryState:
        """What is to be sent and where to; or how it has ended, which may be just now."""

    async def record(self, delivery: WebhookDeliveryRef, result: AttemptResult) -> DeliveryState:
        """Log an attempt, and what it means for the delivery and its endpoint."""

    async def bury(self, delivery: WebhookDeliveryRef) -> DeliveryState:
        """Keep a delivery that nobody took as a dead letter."""

    async def purge(self) -> int:
        """Delete what is older than its lifetime and not on its way."""


class WebhookDeliveries(Protocol):
    """The durable processes of deliveries."""

    async def start(self, delivery: WebhookDeliveryRef) -> bool:
        """Start the delivery's workflow; False when one runs already."""


class WebhookSender(Protocol):
    """The way out."""

    async def send(self, delivery: WebhookDelivery) -> AttemptResult:
        """Post the message once; whatever goes wrong is in the result, in our words."""


class PromptRelay(Protocol):
    """For whoever has just written a message."""

    async def tell(self, message_id: str) -> None:
        """Have it delivered now. Never fails: the relay of every minute comes after it."""
