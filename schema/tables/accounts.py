"""Accounts, what names them, their secrets, and their API keys."""

from datetime import datetime

from sqlalchemy import Column, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from schema.tables.columns import created_at, moment, text_key, updated_at


class Account(SQLModel, table=True):
    """Someone who casts, makes or operates: an opaque id and a state."""

    __tablename__ = "accounts"

    id: str = text_key(primary=True)
    state: str = Field(default="active", sa_type=Text)
    created_at: datetime = created_at()


class AccountProfile(SQLModel, table=True):
    """What names a person. Deleting the row leaves everything else standing."""

    __tablename__ = "account_profiles"

    account_id: str = text_key("accounts.id", primary=True)
    display_name: str = Field(sa_type=Text)


class AccountSecret(SQLModel, table=True):
    """The per-account key of cast ids and fingerprints. Destroying it unlinks both for ever."""

    __tablename__ = "account_secrets"

    account_id: str = text_key("accounts.id", primary=True)
    cast_secret: bytes = Field(sa_type=LargeBinary)


class AccountModes(SQLModel, table=True):
    """The modes that an account lets its own casts run in; without a row, all of them."""

    __tablename__ = "account_modes"

    account_id: str = text_key("accounts.id", primary=True)
    modes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    updated_at: datetime = updated_at()


class ApiKey(SQLModel, table=True):
    """An API key: only its prefix and a keyed hash are kept; the key is shown once."""

    __tablename__ = "api_keys"

    id: str = text_key(primary=True)
    account_id: str = Field(foreign_key="accounts.id", sa_type=Text, index=True)
    name: str = Field(sa_type=Text)
    prefix: str = Field(sa_type=Text, unique=True)
    key_hash: bytes = Field(sa_type=LargeBinary)
    scopes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_at: datetime = created_at()
    expires_at: datetime | None = moment()
    revoked_at: datetime | None = moment()
    last_used_at: datetime | None = moment()
