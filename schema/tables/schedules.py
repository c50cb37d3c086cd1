"""Casts on a schedule, and what came of each time."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, DateTime, Index, Integer, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from schema.tables.columns import created_at, document, text_key, updated_at


class Schedule(SQLModel, table=True):
    """What is cast, when, and whether it is; the clock itself is Temporal's."""

    __tablename__ = "schedules"
    __table_args__ = (
        Index(
            "ix_schedules_of_account",
            *("account_id", "created_at", "id"),
            postgresql_where=text("state <> 'deleted'"),
        ),
    )

    id: str = text_key(primary=True)
    account_id: str = text_key("accounts.id")
    api_key_id: str = text_key("api_keys.id")
    fingerprint: str = Field(sa_type=Text)
    spell_key: str = Field(sa_type=Text)
    spell: dict[str, Any] = document()
    timing: dict[str, Any] = document()
    inputs_sealed: bytes | None = Field(sa_column=Column(LargeBinary, nullable=True))
    """Encrypted under the account's key; gone with the schedule."""
    state: str = Field(sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text, nullable=True)
    refusals: int = Field(sa_column=Column(Integer, nullable=False, server_default="0"))
    created_at: datetime = created_at()
    updated_at: datetime = updated_at()


class ScheduleRun(SQLModel, table=True):
    """One time of a schedule: the cast, or why there is none."""

    __tablename__ = "schedule_runs"

    schedule_id: str = text_key("schedules.id", primary=True)
    scheduled_at: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    cast_id: str | None = Field(sa_column=Column(Text, nullable=True, unique=True))
    problem: dict[str, Any] | None = document(null=True)
    recorded_at: datetime = created_at()
