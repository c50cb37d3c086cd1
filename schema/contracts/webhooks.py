"""Webhooks: where accounts want to be told, what is on its way there, and how it went."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from schema.contracts.base import Contract
from schema.contracts.notifications import DeliveryState
from schema.ids import AccountId, CastId, MessageId, WebhookEndpointId
from schema.webhook_events import EventFilter

CALLBACK = "callback"
"""The target of what goes to a cast's `callback_url`."""
Target = Annotated[str, StringConstraints(pattern=r"^(whe_[a-z2-7]{16}|callback)$")]
"""An endpoint's id, or `CALLBACK`."""


class EndpointSettings(Contract):
    """What an account says of an endpoint."""

    url: str
    events: list[EventFilter]
    description: str = ""


class EndpointChange(Contract):
    """What is to be changed of an endpoint; None stays as it is."""

    url: str | None = None
    events: list[EventFilter] | None = None
    description: str | None = None
    enabled: bool | None = None


class EndpointView(EndpointSettings):
    """An endpoint as its account sees it: without the secret."""

    id: WebhookEndpointId
    enabled: bool
    disabled_reason: str | None = None
    """Why the platform disabled it; None when it did not."""
    public_key: str
    """`whpk_…`: checks the `v1a` signatures of this account's webhooks."""
    failing_since: datetime | None = None
    """Since when nothing was taken; None while it works."""
    previous_secret_until: datetime | None = None
    """Until when the secret before the last rotation signs as well."""
    created_at: datetime
    updated_at: datetime


class NewEndpoint(EndpointView):
    """An endpoint with its secret, which is shown this once."""

    secret: str


class CallbackSecret(Contract):
    """What signs the callbacks of an account's casts."""

    secret: str
    """`whsec_…`"""
    public_key: str
    """`whpk_…`: checks `v1a` signatures."""
    previous_secret_until: datetime | None = None


class NewMessage(Contract):
    """What endpoints are to be told, before it is kept."""

    id: MessageId
    account_id: AccountId
    event: str
    data: dict[str, Any]


class WebhookMessage(Contract):
    """What endpoints are told. Its id is the `webhook-id`: the same at every attempt."""

    id: MessageId
    event: str
    cast_id: CastId | None = None
    data: dict[str, Any]
    created_at: datetime


class WebhookDestination(Contract):
    """Where a delivery goes to: in memory only, encrypted at rest, never in a history."""

    account_id: AccountId
    url: str
    secrets: list[str]
    """`whsec_…`, each of which signs: the one of now, and the one before while they overlap."""


class WebhookDelivery(Contract):
    """A message and where it goes to."""

    message: WebhookMessage
    destination: WebhookDestination


class WebhookDeliveryRef(Contract):
    """Start input of `DeliverWebhook`: ids only."""

    message_id: MessageId
    target: Target


class AttemptResult(Contract):
    """How one attempt went, in our words: nothing of what the receiver said is kept."""

    status_code: int | None = None
    """None when there was no answer."""
    milliseconds: Annotated[int, Field(ge=0)]
    error: str | None = None
    """None when it was taken."""


class AttemptView(AttemptResult):
    """A line of the delivery log."""

    at: datetime


class WebhookDeliveryView(Contract):
    """A delivery as its account sees it."""

    message_id: MessageId
    event: str
    cast_id: CastId | None = None
    state: DeliveryState
    attempts: int
    last_error: str | None = None
    created_at: datetime
    ended_at: datetime | None = None


class DeliveryLog(WebhookDeliveryView):
    """A delivery with every attempt, and with what was sent."""

    body: dict[str, Any]
    log: list[AttemptView]


class WebhookRelayReport(Contract):
    """What one look at the messages did."""

    started: int
    purged: int = 0
