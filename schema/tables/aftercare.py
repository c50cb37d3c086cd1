"""What happens to published versions later: findings with their clocks, and who is told of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    Text,
    text,
)
from sqlmodel import Field, SQLModel

from schema.tables.columns import created_at, document, moment, text_key, updated_at


class VersionFinding(SQLModel, table=True):
    """A vulnerability that policy refuses, found on a version after it was published."""

    __tablename__ = "version_findings"
    __table_args__ = (
        ForeignKeyConstraint(
            ["spell_key", "version"], ["spell_versions.spell_key", "spell_versions.version"]
        ),
        Index(
            "ix_version_findings_open",
            *("spell_key", "version", "advisory_id", "purl"),
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    spell_key: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)
    advisory_id: str = Field(sa_type=Text)
    aliases: list[Any] = document()
    purl: str = Field(sa_type=Text)
    code: str = Field(sa_type=Text)
    message: str = Field(sa_type=Text)
    details: dict[str, Any] = document()
    snapshot: str = Field(sa_type=Text)
    opened_at: datetime = created_at()
    due_at: datetime = Field(sa_type=DateTime(timezone=True))
    closed_at: datetime | None = moment()
    closed_as: str | None = Field(default=None, sa_type=Text)


class NotificationChannel(SQLModel, table=True):
    """Where an account is told things; address and secret are encrypted under its key."""

    __tablename__ = "notification_channels"

    account_id: str = text_key("accounts.id", primary=True)
    kind: str = text_key(primary=True)
    ciphertext: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = created_at()
    updated_at: datetime = updated_at()


class Notification(SQLModel, table=True):
    """What an account is told, written in the transaction that it tells of. Append-only."""

    __tablename__ = "notifications"
    __table_args__ = (Index("ix_notifications_of_account", "account_id", "created_at"),)

    id: str = text_key(primary=True)
    reference: str = Field(sa_type=Text, unique=True)
    account_id: str = text_key("accounts.id")
    kind: str = Field(sa_type=Text)
    spell_key: str | None = Field(default=None, sa_type=Text)
    version: str | None = Field(default=None, sa_type=Text)
    details: dict[str, Any] = document()
    created_at: datetime = created_at()


class NotificationDelivery(SQLModel, table=True):
    """A notification on its way through one channel."""

    __tablename__ = "notification_deliveries"
    __table_args__ = (
        Index(
            "ix_notification_deliveries_pending",
            "relayed_at",
            postgresql_where=text("state = 'pending'"),
        ),
    )

    notification_id: str = text_key("notifications.id", primary=True)
    channel: str = text_key(primary=True)
    state: str = Field(default="pending", sa_type=Text)
    attempts: int = 0
    last_error: str | None = Field(default=None, sa_type=Text)
    relayed_at: datetime | None = moment()
    ended_at: datetime | None = moment()
