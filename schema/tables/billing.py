"""Budgets, holds and the ledger: all money, in integer micros."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from schema.tables.columns import created_at, document, moment, text_key, updated_at


class BudgetKind(SQLModel, table=True):
    """A kind of budget: what it is of, and how long its periods are. Rows come by migration."""

    __tablename__ = "budget_kinds"

    name: str = text_key(primary=True)
    scope: str = Field(sa_type=Text)
    period: str = Field(sa_type=Text)


class BudgetCap(SQLModel, table=True):
    """How much may be held and spent under one budget.

    Of kind `balance` the cap is what was ever credited; of the other kinds it is the account's
    own choice, and no row means no cap.
    """

    __tablename__ = "budget_caps"

    account_id: str = text_key("accounts.id", primary=True)
    kind: str = text_key("budget_kinds.name", primary=True)
    scope_id: str = text_key(primary=True)
    currency: str = text_key(primary=True)
    cap_micros: int = Field(sa_type=BigInteger)
    alerts_at: list[int] = Field(
        sa_column=Column(ARRAY(SmallInteger), nullable=False, server_default="{}")
    )
    updated_at: datetime = created_at()


class Budget(SQLModel, table=True):
    """What is held and posted under one budget in one period.

    A trigger refuses any growth of held + posted beyond the cap, whoever asks.
    """

    __tablename__ = "budgets"

    account_id: str = text_key("accounts.id", primary=True)
    kind: str = text_key(primary=True)
    scope_id: str = text_key(primary=True)
    currency: str = text_key(primary=True)
    period_start: date = Field(primary_key=True, sa_type=Date)
    held_micros: int = Field(default=0, sa_type=BigInteger)
    posted_micros: int = Field(default=0, sa_type=BigInteger)


class BudgetAlert(SQLModel, table=True):
    """A threshold of a cap that was crossed: once in its period. Told once, never changed."""

    __tablename__ = "budget_alerts"
    __table_args__ = (
        UniqueConstraint(
            *("account_id", "kind", "scope_id", "currency", "period_start"),
            *("cap_micros", "percent"),
        ),
        Index("ix_budget_alerts_of_account", "account_id", "id"),
        Index("ix_budget_alerts_untold", "id", postgresql_where=text("told_at IS NULL")),
    )

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    account_id: str = text_key("accounts.id")
    kind: str = Field(sa_type=Text)
    scope_id: str = Field(sa_type=Text)
    currency: str = Field(sa_type=Text)
    period_start: date = Field(sa_type=Date)
    cap_micros: int = Field(sa_type=BigInteger)
    percent: int = Field(sa_type=SmallInteger)
    used_micros: int = Field(sa_type=BigInteger)
    created_at: datetime = created_at()
    told_at: datetime | None = moment()


class BillingTimeZone(SQLModel, table=True):
    """The zone that an account counts days in, and the one that takes over; no row means UTC."""

    __tablename__ = "billing_time_zones"

    account_id: str = text_key("accounts.id", primary=True)
    zone: str = Field(sa_type=Text)
    from_day: date = Field(sa_type=Date)
    next_zone: str | None = Field(default=None, sa_type=Text)
    next_from_day: date | None = Field(default=None, sa_type=Date)
    updated_at: datetime = updated_at()


class BillingChange(SQLModel, table=True):
    """Who changed a cap or the billing time zone, from what to what. Append-only."""

    __tablename__ = "billing_changes"
    __table_args__ = (Index("ix_billing_changes_of_account", "account_id", "id"),)

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    account_id: str = text_key("accounts.id")
    changed_by: str = text_key("api_keys.id")
    subject: str = Field(sa_type=Text)
    kind: str | None = Field(default=None, sa_type=Text)
    scope_id: str = Field(default="", sa_type=Text)
    currency: str | None = Field(default=None, sa_type=Text)
    before: dict[str, Any] | None = document(null=True)
    after: dict[str, Any] | None = document(null=True)
    changed_at: datetime = created_at()


class Hold(SQLModel, table=True):
    """Money reserved for one cast: held, then posted (all or part) or voided. Never both."""

    __tablename__ = "holds"
    __table_args__ = (
        Index("ix_holds_open", "created_at", postgresql_where=text("state = 'held'")),
        Index("ix_holds_open_by_account", "account_id", postgresql_where=text("state = 'held'")),
        Index("ix_holds_of_account_by_day", "account_id", "day"),
    )

    cast_id: str = text_key("casts.id", primary=True)
    account_id: str = text_key("accounts.id")
    api_key_id: str = text_key("api_keys.id")
    maker_account_id: str = text_key("accounts.id")
    currency: str = Field(sa_type=Text)
    amount_micros: int = Field(sa_type=BigInteger)
    posted_micros: int = Field(default=0, sa_type=BigInteger)
    fee_basis_points: int
    state: str = Field(default="held", sa_type=Text)
    day: date = Field(sa_type=Date)
    month: date = Field(sa_type=Date)
    created_at: datetime = created_at()
    expires_at: datetime = Field(
        default=None,
        sa_column=Column(
            DateTime(timezone=True),
            nullable=False,
            server_default=text("now() + interval '24 hours'"),
        ),
    )
    """Later than any cast can last. Nothing ends it by itself: the reconciler does."""
    closed_at: datetime | None = moment()


class LedgerAccount(SQLModel, table=True):
    """An account of the double-entry ledger, such as `caster_credit:<account>:USD`."""

    __tablename__ = "ledger_accounts"

    id: str = text_key(primary=True)
    kind: str = Field(sa_type=Text)
    account_id: str | None = Field(
        default=None, sa_type=Text, foreign_key="accounts.id", nullable=True, index=True
    )
    currency: str = Field(sa_type=Text)


class LedgerTransfer(SQLModel, table=True):
    """One balanced movement of money between two ledger accounts. Append-only.

    `reference` names the business reason and is unique: the same movement cannot happen twice.
    `transaction_id` is of the database transaction that wrote it; the sealer goes by it.
    """

    __tablename__ = "ledger_transfers"
    __table_args__ = (
        Index("ix_ledger_transfers_sealing", "transaction_id", "id"),
        Index("ix_ledger_transfers_debit", "debit_account_id", "id"),
        Index("ix_ledger_transfers_credit", "credit_account_id", "id"),
    )

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    reference: str = Field(sa_type=Text, unique=True)
    kind: str = Field(sa_type=Text)
    debit_account_id: str = text_key("ledger_accounts.id")
    credit_account_id: str = text_key("ledger_accounts.id")
    currency: str = Field(sa_type=Text)
    amount_micros: int = Field(sa_type=BigInteger)
    cast_id: str | None = Field(default=None, sa_type=Text, index=True)
    created_at: datetime = created_at()
    transaction_id: int = Field(
        default=None,
        sa_column=Column(
            BigInteger,
            nullable=False,
            server_default=text("(pg_current_xact_id()::text::bigint)"),
        ),
    )
