"""Uploads, and what became of them: publications and their events."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from schema.tables.columns import created_at, document, moment, text_key


class Upload(SQLModel, table=True):
    """An archive on its way, in chunks; gone when it is whole or its time is up."""

    __tablename__ = "uploads"

    id: str = text_key(primary=True)
    account_id: str = text_key("accounts.id")
    package_digest: str = Field(sa_type=Text)
    package_bytes: int = Field(sa_type=BigInteger)
    bundle_digest: str | None = Field(default=None, sa_type=Text)
    received_bytes: int = Field(default=0, sa_type=BigInteger)
    chunks: list[Any] = document()
    created_at: datetime = created_at()
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))


class Publication(SQLModel, table=True):
    """One attempt to publish a package, and its verdict."""

    __tablename__ = "publications"
    __table_args__ = (Index("ix_publications_of_account", "account_id", "created_at"),)

    id: str = text_key(primary=True)
    account_id: str = text_key("accounts.id")
    package_digest: str = Field(sa_type=Text)
    package_bytes: int = Field(sa_type=BigInteger)
    bundle_digest: str | None = Field(default=None, sa_type=Text)
    state: str = Field(default="running", sa_type=Text)
    step: str | None = Field(default=None, sa_type=Text)
    result: dict[str, Any] | None = document(null=True)
    event_seq: int = Field(default=0, sa_type=BigInteger)
    created_at: datetime = created_at()
    finished_at: datetime | None = moment()


class PublicationEvent(SQLModel, table=True):
    """One event of a publication's stream; each step begins and ends once. Append-only."""

    __tablename__ = "publication_events"
    __table_args__ = (UniqueConstraint("publication_id", "kind", "step"),)

    publication_id: str = text_key("publications.id", primary=True)
    seq: int = Field(sa_type=BigInteger, primary_key=True)
    kind: str = Field(sa_type=Text)
    step: str = Field(sa_type=Text)
    data: dict[str, Any] = document()
    created_at: datetime = created_at()
