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
    SPELL_SUSPENDED = "spell.suspended"
    SPELL_UNSUSPENDED = "spell.unsuspended"
    SPELL_REVOKED = "spell.revoked"
    REVOCATION_LIFTED = "revocation.lifted"
    ENDPOINT_DISABLED = "endpoint.disabled"


class ChannelKind(StrEnum):
    """The ways of telling people; one of each kind. Programs are told by webhook endpoints."""

    EMAIL = "email"


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
    """An e-mail address."""


class ChannelView(Contract):
    """A channel as its account sees it."""

    kind: ChannelKind
    address: str
    created_at: datetime
    updated_at: datetime


class DeliveryState(StrEnum):
    """How far a delivery has come."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Nobody took it: given up, and kept with its last error."""
    DROPPED = "dropped"
    """Its channel or endpoint was removed, or the account's channel had its fill that day."""


class DeliveryView(Contract):
    """A delivery as its account sees it."""

    channel: ChannelKind
    state: DeliveryState
    attempts: int
    last_error: str | None = None


class NotificationView(Notification):
    """What an account was told, and how far it has come; without deliveries, through no channel."""

    deliveries: list[DeliveryView]


class DeliveryRef(Contract):
    """Start input of `DeliverNotification`: ids only."""

    notification_id: NotificationId
    channel: Annotated[str, Field(pattern=r"^[a-z]{1,16}$")]
    """A `ChannelKind`; workflows of before webhook endpoints may still name `webhook`."""


class Delivery(Contract):
    """A notification and where it goes to."""

    notification: Notification
    destination: Destination


class RelayReport(Contract):
    """What one look at the outbox did."""

    started: int
