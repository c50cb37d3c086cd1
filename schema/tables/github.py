"""Accounts and the GitHub users that they are connected with."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Index, LargeBinary, Text
from sqlmodel import Field, SQLModel

from schema.tables.columns import created_at, moment, text_key, updated_at


class GitHubConnection(SQLModel, table=True):
    """One account's GitHub user; the tokens are encrypted under the account's key."""

    __tablename__ = "github_connections"

    account_id: str = text_key("accounts.id", primary=True)
    github_user_id: int = Field(sa_type=BigInteger, unique=True)
    login: str = Field(sa_type=Text)
    ciphertext: bytes = Field(sa_type=LargeBinary)
    token_expires_at: datetime | None = moment()
    expires_at: datetime | None = moment()
    connected_at: datetime = created_at()
    updated_at: datetime = updated_at()


class GitHubDeviceCode(SQLModel, table=True):
    """A code that waits for a person to confirm it; encrypted under the account's key."""

    __tablename__ = "github_device_codes"
    __table_args__ = (Index("ix_github_device_codes_expiry", "expires_at"),)

    account_id: str = text_key("accounts.id", primary=True)
    ciphertext: bytes = Field(sa_type=LargeBinary)
    interval_seconds: int
    asked_at: datetime | None = moment()
    created_at: datetime = created_at()
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
