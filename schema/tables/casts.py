"""Casts, their events, and the record that makes a repeated POST harmless."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Text, text
from sqlmodel import Field, SQLModel

from schema.tables.columns import created_at, document, moment, text_key


class IdempotencyRecord(SQLModel, table=True):
    """The answer that (account, Idempotency-Key) got; the cast id is derived from that pair.

    Written in the transaction that makes the hold, refusals included (decision 3). Never changed.
    """

    __tablename__ = "idempotency_records"

    cast_id: str = text_key(primary=True)
    account_id: str = text_key("accounts.id")
    fingerprint: str = Field(sa_type=Text)
    admission: dict[str, Any] = document()
    created_at: datetime = created_at()


class Cast(SQLModel, table=True):
    """One admitted cast. Status and billing move only forward (a trigger refuses the rest)."""

    __tablename__ = "casts"
    __table_args__ = (
        Index("ix_casts_by_account", "account_id", "created_at", "id"),
        Index(
            "ix_casts_with_violations",
            "spell_key",
            "finished_at",
            postgresql_where=text("violations IS NOT NULL"),
        ),
        Index(
            "ix_casts_revoked",
            "finished_at",
            postgresql_where=text("(problem ->> 'code') = 'SPELL_REVOKED'"),
        ),
        Index(
            "ix_casts_with_output", "finished_at", postgresql_where=text("output_key IS NOT NULL")
        ),
        Index(
            "ix_casts_with_stderr", "finished_at", postgresql_where=text("stderr_key IS NOT NULL")
        ),
    )

    id: str = text_key("idempotency_records.cast_id", primary=True)
    account_id: str = text_key("accounts.id")
    api_key_id: str = text_key("api_keys.id")
    spell_key: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)
    package_digest: str = Field(sa_type=Text)
    mode: str = Field(sa_type=Text)
    fell_back: dict[str, Any] | None = document(null=True)
    status: str = Field(sa_type=Text)
    billing: str = Field(sa_type=Text)
    currency: str = Field(sa_type=Text)
    estimated_cost_micros: int = Field(sa_type=BigInteger)
    cost_micros: int = Field(default=0, sa_type=BigInteger)
    input_fingerprint: str = Field(sa_type=Text)
    usage: dict[str, Any] | None = document(null=True)
    problem: dict[str, Any] | None = document(null=True)
    engine: str | None = Field(default=None, sa_type=Text)
    record: dict[str, Any] | None = document(null=True)
    violations: list[Any] | None = document(null=True)
    stages: dict[str, Any] | None = document(null=True)
    output_key: str | None = Field(default=None, sa_type=Text)
    stderr_key: str | None = Field(default=None, sa_type=Text)
    event_seq: int = Field(default=0, sa_type=BigInteger)
    created_at: datetime = created_at()
    started_at: datetime | None = moment()
    finished_at: datetime | None = moment()


class CastEvent(SQLModel, table=True):
    """One event of a cast's stream; numbers are gap-free (decision 23). Append-only."""

    __tablename__ = "cast_events"

    cast_id: str = text_key("casts.id", primary=True)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    kind: str = Field(sa_type=Text)
    data: dict[str, Any] = document()
    created_at: datetime = created_at()
