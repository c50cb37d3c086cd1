"""Webhook endpoints, what they are sent, and every attempt."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    Text,
    text,
)
from sqlmodel import Field, SQLModel

from schema.tables.columns import created_at, document, moment, text_key, updated_at


class WebhookEndpoint(SQLModel, table=True):
    """Where an account wants to be told; URL and secrets are encrypted under its key."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (Index("ix_webhook_endpoints_of_account", "account_id", "created_at"),)

    id: str = text_key(primary=True)
    account_id: str = text_key("accounts.id")
    ciphertext: bytes = Field(sa_type=LargeBinary)
    events: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    description: str = Field(default="", sa_type=Text)
    enabled: bool = True
    disabled_reason: str | None = Field(default=None, sa_type=Text)
    failing_since: datetime | None = moment()
    previous_secret_until: datetime | None = moment()
    created_at: datetime = created_at()
    updated_at: datetime = updated_at()


class CallbackSecretRow(SQLModel, table=True):
    """How often an account has rotated its callback secret; the secret itself is derived."""

    __tablename__ = "callback_secrets"

    account_id: str = text_key("accounts.id", primary=True)
    generation: int
    rotated_at: datetime = created_at()


class CastCallback(SQLModel, table=True):
    """A cast's `callback_url`, encrypted under its account's key."""

    __tablename__ = "cast_callbacks"
    __table_args__ = (Index("ix_cast_callbacks_created_at", "created_at"),)

    cast_id: str = text_key("casts.id", primary=True)
    ciphertext: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = created_at()


class WebhookMessageRow(SQLModel, table=True):
    """What endpoints are told, written in the transaction that it tells of. Never changed."""

    __tablename__ = "webhook_messages"
    __table_args__ = (
        Index("ix_webhook_messages_of_account", "account_id", "created_at"),
        Index("ix_webhook_messages_created_at", "created_at"),
    )

    id: str = text_key(primary=True)
    account_id: str = text_key("accounts.id")
    event: str = Field(sa_type=Text)
    cast_id: str | None = text_key("casts.id", null=True)
    data: dict[str, Any] = document()
    created_at: datetime = created_at()


class WebhookDeliveryRow(SQLModel, table=True):
    """A message on its way to one target: an endpoint's id, or `callback`."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index(
            "ix_webhook_deliveries_pending",
            "relayed_at",
            postgresql_where=text("state = 'pending'"),
        ),
        Index("ix_webhook_deliveries_of_target", "target", "created_at", "message_id"),
    )

    message_id: str = text_key("webhook_messages.id", primary=True)
    target: str = text_key(primary=True)
    state: str = Field(default="pending", sa_type=Text)
    attempts: int = 0
    last_error: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = created_at()
    relayed_at: datetime | None = moment()
    ended_at: datetime | None = moment()


class WebhookAttempt(SQLModel, table=True):
    """One line of the delivery log. Never changed."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["message_id", "target"],
            ["webhook_deliveries.message_id", "webhook_deliveries.target"],
            ondelete="CASCADE",
        ),
        Index("ix_webhook_attempts_of_delivery", "message_id", "target", "id"),
    )

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    message_id: str = Field(sa_type=Text)
    target: str = Field(sa_type=Text)
    status_code: int | None = None
    milliseconds: int
    error: str | None = Field(default=None, sa_type=Text)
    at: datetime = created_at()
