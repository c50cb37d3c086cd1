"""What accounts are told of, and by which way, as messages."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from schema.contracts.base import Contract
from schema.ids import AccountId, NotificationId, SpellKey, Version


class NotificationKind(StrEnum):
    """What a notification tells of."""

    FINDING_OPENED = "finding.opened"
    FINDING_CLOSED = "finding.closed"
    DELISTING_NEAR = "delisting.near"
    VERSION_DELISTED = "version.delisted"
    VERSION_RELISTED = "version.relisted"


class ChannelKind(StrEnum):
    """The ways in which an account can be told; one of each kind."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class NewNotification(Contract):
    """What is to be told, before it is kept."""

    reference: Annotated[str, Field(min_length=1, max_length=512)]
    """Names what it tells of, so that it is told once."""
    account_id: AccountId
    kind: NotificationKind
    spell_key: SpellKey | None = None
    version: Version | None = None
    details: dict[str, Any] = Field(default_factory=dict)


class Notification(Contract):
    """What an account is told."""

    id: NotificationId
    """Stable over every repetition: also the `webhook-id` that receivers tell repetitions by."""
    account_id: AccountId
    kind: NotificationKind
    spell_key: SpellKey | None = None
    version: Version | None = None
    details: dict[str, Any]
    created_at: datetime


class Destination(Contract):
    """Where a channel leads: held in memory only, encrypted at rest, never in a history."""

    kind: ChannelKind
    address: str
    """An e-mail address, or an https URL."""
    secret: str = ""
    """`whsec_…` of a webhook."""


class ChannelView(Contract):
    """A channel as its account sees it: without the secret."""

    kind: ChannelKind
    address: str
    created_at: datetime
    updated_at: datetime


class DeliveryRef(Contract):
    """Start input of `DeliverNotification`: ids only."""

    notification_id: NotificationId
    channel: ChannelKind


class Delivery(Contract):
    """A notification and where it goes to."""

    notification: Notification
    destination: Destination


class RelayReport(Contract):
    """What one look at the outbox did."""

    started: int
