"""Runs on GitHub Actions: dispatches, inputs on their way, GitHub's deliveries."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Index, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from schema.tables.columns import created_at, moment, text_key


class ActionsRun(SQLModel, table=True):
    """One dispatch of one cast, written before GitHub is asked, and the run that it became."""

    __tablename__ = "actions_runs"
    __table_args__ = (
        Index(
            "ix_actions_runs_of_repo",
            "repo",
            "run_id",
            unique=True,
            postgresql_where=text("run_id IS NOT NULL"),
        ),
    )

    cast_id: str = text_key(primary=True)
    repo: str = Field(sa_type=Text)
    workflow: str = Field(sa_type=Text)
    ref: str = Field(sa_type=Text)
    intended_at: datetime = created_at()
    asked_at: datetime | None = moment()
    run_id: int | None = Field(default=None, sa_type=BigInteger)
    html_url: str | None = Field(default=None, sa_type=Text)


class RunInput(SQLModel, table=True):
    """An address that gives a cast's inputs to its Actions run, once."""

    __tablename__ = "run_inputs"
    __table_args__ = (
        Index("ix_run_inputs_of_cast", "cast_id"),
        Index("ix_run_inputs_expiry", "expires_at"),
    )

    token_hash: bytes = Field(sa_type=LargeBinary, primary_key=True)
    cast_id: str = Field(sa_type=Text)
    blob_key: str = Field(sa_type=Text)
    created_at: datetime = created_at()
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    used_at: datetime | None = moment()


class GitHubDelivery(SQLModel, table=True):
    """One delivery of GitHub's webhook: the inbox that makes duplicates harmless."""

    __tablename__ = "github_deliveries"
    __table_args__ = (Index("ix_github_deliveries_received", "received_at"),)

    delivery_id: str = text_key(primary=True)
    event: str = Field(sa_type=Text)
    cast_id: str | None = text_key(null=True)
    received_at: datetime = created_at()
    handled_at: datetime | None = moment()
