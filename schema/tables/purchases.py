"""Purchases of templates: what was bought, its money, what the buyer may now use."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, ForeignKeyConstraint, Index, Text, text
from sqlmodel import Field, SQLModel

from schema.tables.columns import created_at, document, moment, text_key


class Purchase(SQLModel, table=True):
    """One purchase. What it is of never changes, and its status only moves forward (triggers)."""

    __tablename__ = "purchases"
    __table_args__ = (
        Index("ix_purchases_of_account", "account_id", text("created_at DESC"), "id"),
    )

    id: str = text_key(primary=True)
    account_id: str = text_key("accounts.id")
    api_key_id: str = text_key("api_keys.id")
    fingerprint: str = Field(sa_type=Text)
    request: dict[str, Any] = document()
    spell_key: str = Field(sa_type=Text)
    offer: dict[str, Any] | None = document(null=True)
    status: str = Field(sa_type=Text)
    problem: dict[str, Any] | None = document(null=True)
    fee_basis_points: int
    generation_intended_at: datetime | None = moment()
    repository_url: str | None = Field(default=None, sa_type=Text)
    pull_request_url: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = created_at()
    expires_at: datetime | None = moment()
    finished_at: datetime | None = moment()


class PurchasePayment(SQLModel, table=True):
    """The payment of a purchase: an intent first, then what became of it."""

    __tablename__ = "payments"

    purchase_id: str = text_key("purchases.id", primary=True)
    account_id: str = text_key("accounts.id")
    provider: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    currency: str = Field(sa_type=Text)
    amount_micros: int = Field(sa_type=BigInteger)
    session_id: str | None = Field(default=None, sa_type=Text, unique=True)
    checkout_url: str | None = Field(default=None, sa_type=Text)
    payment_intent: str | None = Field(default=None, sa_type=Text, unique=True)
    refund_intended_at: datetime | None = moment()
    refund_id: str | None = Field(default=None, sa_type=Text, unique=True)
    day: date = Field(sa_type=Date)
    month: date = Field(sa_type=Date)
    intended_at: datetime = created_at()
    closed_at: datetime | None = moment()


class Entitlement(SQLModel, table=True):
    """What a buyer may use for good, under which licence. Append-only."""

    __tablename__ = "entitlements"
    __table_args__ = (
        Index("ix_entitlements_of_account", "account_id"),
        ForeignKeyConstraint(
            ["spell_key", "version"], ["spell_versions.spell_key", "spell_versions.version"]
        ),
    )

    purchase_id: str = text_key("purchases.id", primary=True)
    account_id: str = Field(foreign_key="accounts.id", sa_type=Text)
    spell_key: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)
    package_digest: str = Field(sa_type=Text)
    license_url: str = Field(sa_type=Text)
    repository: str = Field(sa_type=Text)
    granted_at: datetime = created_at()


class StripeEvent(SQLModel, table=True):
    """One event of Stripe's: handled once, however often and in whatever order it comes."""

    __tablename__ = "stripe_events"
    __table_args__ = (
        Index(
            "ix_stripe_events_unhandled",
            "received_at",
            postgresql_where=text("handled_at IS NULL"),
        ),
        Index("ix_stripe_events_handled", "handled_at"),
    )

    event_id: str = text_key(primary=True)
    kind: str = Field(sa_type=Text)
    purchase_id: str | None = Field(default=None, sa_type=Text)
    received_at: datetime = created_at()
    claimed_at: datetime | None = moment()
    handled_at: datetime | None = moment()
