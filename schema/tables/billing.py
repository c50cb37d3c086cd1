"""Budgets, holds and the ledger: all money, in integer micros."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Column, Date, DateTime, Identity, Index, Text, text
from sqlmodel import Field, SQLModel

from schema.tables.columns import created_at, moment, text_key


class BudgetCap(SQLModel, table=True):
    """How much may be held and spent under one budget.

    Of kind `balance` the cap is what was ever credited; of the other kinds it is the account's
    own choice, and no row means no cap.
    """

    __tablename__ = "budget_caps"

    account_id: str = text_key("accounts.id", primary=True)
    kind: str = text_key(primary=True)
    scope_id: str = text_key(primary=True)
    currency: str = text_key(primary=True)
    cap_micros: int = Field(sa_type=BigInteger)
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


class Hold(SQLModel, table=True):
    """Money reserved for one cast: held, then posted (all or part) or voided. Never both."""

    __tablename__ = "holds"
    __table_args__ = (
        Index("ix_holds_open", "created_at", postgresql_where=text("state = 'held'")),
        Index("ix_holds_open_by_account", "account_id", postgresql_where=text("state = 'held'")),
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
