"""Known vulnerabilities as they are matched, and what operators said about them."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    LargeBinary,
    Text,
    text,
)
from sqlmodel import Field, SQLModel

from schema.tables.columns import created_at, document, moment, text_key


def _texts() -> Any:
    return Field(sa_type=ARRAY(Text), nullable=False)


def _score() -> Any:
    return Field(default=None, sa_type=Double, nullable=True)


def _optional_text() -> Any:
    return Field(default=None, sa_type=Text, nullable=True)


class Advisory(SQLModel, table=True):
    """One record of one source, as OSV writes them."""

    __tablename__ = "advisories"

    id: str = text_key(primary=True)
    source: str = Field(sa_type=Text)
    modified_at: datetime = Field(sa_type=DateTime(timezone=True))
    withdrawn_at: datetime | None = moment()
    aliases: list[str] = _texts()
    group_id: str = Field(sa_type=Text)
    summary: str = Field(sa_type=Text)
    vectors: list[str] = _texts()
    score: float | None = _score()
    vector: str | None = _optional_text()
    malicious: bool
    digest: bytes = Field(sa_type=LargeBinary)


class AdvisoryPackage(SQLModel, table=True):
    """One package that a record speaks of: its name as its ecosystem compares names."""

    __tablename__ = "advisory_packages"
    __table_args__ = (
        Index("ix_advisory_packages_by_name", "ecosystem", "name"),
        Index("ix_advisory_packages_by_advisory", "advisory_id"),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    advisory_id: str = Field(foreign_key="advisories.id", ondelete="CASCADE", sa_type=Text)
    ecosystem: str = Field(sa_type=Text)
    release: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    ranges: list[Any] = document()
    versions: list[str] = _texts()


class AdvisoryGroup(SQLModel, table=True):
    """One vulnerability, whatever its sources call it, made of records that alias each other."""

    __tablename__ = "advisory_groups"

    id: str = text_key(primary=True)
    ids: list[str] = _texts()
    score: float | None = _score()
    vector: str | None = _optional_text()
    summary: str = Field(sa_type=Text)
    malicious: bool


class AdvisorySnapshot(SQLModel, table=True):
    """What was matched from one import on. Never changed."""

    __tablename__ = "advisory_snapshots"

    number: int = Field(primary_key=True, sa_type=BigInteger)
    taken_at: datetime = created_at()
    records: int
    sources: dict[str, Any] = document()


class AdvisorySource(SQLModel, table=True):
    """How far a source was read, and when it was last asked."""

    __tablename__ = "advisory_sources"

    name: str = text_key(primary=True)
    newest_modified: datetime | None = moment()
    digest: str | None = _optional_text()
    checked_at: datetime = created_at()


class AdvisoryExceptionRow(SQLModel, table=True):
    """An operator's exception; only its removal is written, once."""

    __tablename__ = "advisory_exceptions"
    __table_args__ = (
        Index(
            "ix_advisory_exceptions_in_force",
            "expires_at",
            postgresql_where=text("removed_at IS NULL"),
        ),
    )

    id: str = text_key(primary=True)
    advisory_id: str = Field(sa_type=Text)
    purl: str | None = _optional_text()
    spell_key: str | None = _optional_text()
    justification: str = Field(sa_type=Text)
    statement: str = Field(sa_type=Text)
    added_by: str = Field(sa_type=Text)
    added_at: datetime = created_at()
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    removed_at: datetime | None = moment()
    removed_by: str | None = _optional_text()
