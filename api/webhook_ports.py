"""The roles that the routes of webhooks need played."""

from datetime import datetime
from typing import Protocol

from schema.contracts.notifications import DeliveryState
from schema.contracts.webhooks import (
    CallbackSecret,
    DeliveryLog,
    EndpointChange,
    EndpointSettings,
    EndpointView,
    NewEndpoint,
    WebhookDeliveryView,
)


class WebhookEndpoints(Protocol):
    """Where an account's programs want to be told."""

    async def create(self, account_id: str, settings: EndpointSettings) -> NewEndpoint:
        """A new endpoint, with its secret. Raises SpellError: TOO_MANY_ENDPOINTS."""

    async def endpoints(self, account_id: str) -> list[EndpointView]:
        """The account's endpoints, the oldest first."""

    async def endpoint(self, account_id: str, endpoint_id: str) -> EndpointView:
        """One of them. Raises SpellError: WEBHOOK_ENDPOINT_NOT_FOUND."""

    async def change(
        self, account_id: str, endpoint_id: str, change: EndpointChange
    ) -> EndpointView:
        """Change what is given. Raises SpellError: WEBHOOK_ENDPOINT_NOT_FOUND."""

    async def rotate(self, account_id: str, endpoint_id: str) -> NewEndpoint:
        """Another secret, beside the one before. Raises: WEBHOOK_ENDPOINT_NOT_FOUND."""

    async def remove(self, account_id: str, endpoint_id: str) -> None:
        """Remove one. Raises SpellError: WEBHOOK_ENDPOINT_NOT_FOUND."""


class DeliveryLogs(Protocol):
    """What was sent to an account's webhooks, and how it went."""

    async def deliveries(
        self,
        account_id: str,
        target: str,
        *,
        state: DeliveryState | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[WebhookDeliveryView]:
        """What was sent to an endpoint, the newest first, below a place."""

    async def log(self, account_id: str, target: str, message_id: str) -> DeliveryLog:
        """One delivery with every attempt. Raises SpellError: WEBHOOK_MESSAGE_NOT_FOUND."""

    async def replay(self, account_id: str, target: str, message_id: str) -> None:
        """Send it again, taken or not. Raises SpellError: WEBHOOK_MESSAGE_NOT_FOUND."""

    async def replay_dead(self, account_id: str, target: str, since: datetime) -> int:
        """Send again all that nobody took since then; how many they are."""

    async def test(self, account_id: str, target: str) -> str:
        """Put a ping on its way; its message's id.

        Raises SpellError: WEBHOOK_ENDPOINT_NOT_FOUND, RATE_LIMITED.
        """


class Callbacks(Protocol):
    """The callbacks of an account's casts."""

    def seal(self, account_id: str, url: str) -> str:
        """A `callback_url` as it travels with its cast."""

    async def secret(self, account_id: str) -> CallbackSecret:
        """The secret that signs them."""

    async def rotate(self, account_id: str) -> CallbackSecret:
        """Another one, beside the one before for a while."""


class PromptRelay(Protocol):
    """For whoever has just written a message."""

    async def tell(self, message_id: str) -> None:
        """Have it delivered now. Never fails: the relay of every minute comes after it."""
