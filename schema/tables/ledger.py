"""What the ledger rests on: which movements there are, conversions, and seals."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Text
from sqlmodel import Field, SQLModel

from schema.tables.columns import created_at, text_key


class LedgerMovement(SQLModel, table=True):
    """A way that money may go; `schema/chart_of_accounts.py` has the same. Append-only."""

    __tablename__ = "ledger_movements"

    kind: str = text_key(primary=True)
    debit_kind: str = text_key(primary=True)
    credit_kind: str = text_key(primary=True)
    same_owner: bool
    reversible: bool


class LedgerConversion(SQLModel, table=True):
    """A change of currency: two transfers, at a rate that is a fraction. Append-only."""

    __tablename__ = "ledger_conversions"

    id: str = text_key(primary=True)
    from_account_id: str = text_key("ledger_accounts.id")
    to_account_id: str = text_key("ledger_accounts.id")
    rate_numerator: int = Field(sa_type=BigInteger)
    rate_denominator: int = Field(sa_type=BigInteger)
    rate_source: str = Field(sa_type=Text)
    sold_micros: int = Field(sa_type=BigInteger)
    bought_micros: int = Field(sa_type=BigInteger)
    created_at: datetime = created_at()


class LedgerSealRow(SQLModel, table=True):
    """A signed Merkle root over the rows between two positions. Append-only."""

    __tablename__ = "ledger_seals"

    number: int = Field(primary_key=True, sa_type=BigInteger)
    previous: str = Field(sa_type=Text)
    after_transaction_id: int = Field(sa_type=BigInteger)
    after_id: int = Field(sa_type=BigInteger)
    last_transaction_id: int = Field(sa_type=BigInteger)
    last_id: int = Field(sa_type=BigInteger)
    rows: int
    root: str = Field(sa_type=Text)
    sealed_at: datetime = Field(sa_type=DateTime(timezone=True))
    key_id: str = Field(sa_type=Text)
    signature: str = Field(sa_type=Text)
