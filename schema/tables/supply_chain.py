"""What the supply-chain gate looked at, whom it may not trust any more, and what it did."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from schema.tables.columns import created_at, document, moment, text_key


class PackageEvidence(SQLModel, table=True):
    """What the checks look at, of one package. Never changed, kept for good."""

    __tablename__ = "package_evidence"

    package_digest: str = text_key(primary=True)
    account_id: str = text_key("accounts.id")
    spell_key: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)
    license: str = Field(sa_type=Text)
    expected: dict[str, Any] | None = document(null=True)
    sbom_file: str | None = Field(default=None, sa_type=Text)
    sbom: bytes | None = Field(default=None, sa_type=LargeBinary)
    bundle: bytes | None = Field(default=None, sa_type=LargeBinary)
    files: dict[str, Any] = document()
    created_at: datetime = created_at()


class SigningIdentity(SQLModel, table=True):
    """One rule on who may sign a maker's packages: of all their spells, or of one."""

    __tablename__ = "signing_identities"
    __table_args__ = (
        UniqueConstraint(
            "account_id",
            "spell_key",
            "issuer",
            "identity",
            "repository",
            "ref",
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: str = text_key(primary=True)
    account_id: str = text_key("accounts.id")
    spell_key: str | None = Field(default=None, sa_type=Text)
    issuer: str = Field(sa_type=Text)
    identity: str | None = Field(default=None, sa_type=Text)
    repository: str | None = Field(default=None, sa_type=Text)
    ref: str | None = Field(default=None, sa_type=Text)
    origin: str = Field(sa_type=Text)
    created_at: datetime = created_at()


class Revocation(SQLModel, table=True):
    """One digest, identity, key or spell that nothing may rest on any more, until it is lifted."""

    __tablename__ = "revocations"
    __table_args__ = (
        Index(
            "ix_revocations_in_force",
            "kind",
            "value",
            "issuer",
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
    )

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    kind: str = Field(sa_type=Text)
    value: str = Field(sa_type=Text)
    issuer: str = Field(default="", sa_type=Text)
    reason: str = Field(sa_type=Text)
    revoked_by: str = Field(sa_type=Text)
    revoked_at: datetime = created_at()
    lifted_by: str | None = Field(default=None, sa_type=Text)
    lifted_at: datetime | None = moment()


class SpellSuspension(SQLModel, table=True):
    """One time that a spell takes no new casts, until it is lifted. Kept: counts begin there."""

    __tablename__ = "spell_suspensions"
    __table_args__ = (
        Index(
            "ix_spell_suspensions_in_force",
            "spell_key",
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
        Index("ix_spell_suspensions_by_spell", "spell_key", "lifted_at"),
    )

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    spell_key: str = text_key("spells.key")
    reason: str = Field(sa_type=Text)
    suspended_by: str = Field(sa_type=Text)
    suspended_at: datetime = created_at()
    lifted_by: str | None = Field(default=None, sa_type=Text)
    lifted_at: datetime | None = moment()


class SupplyChainLogEntry(SQLModel, table=True):
    """Who published, withdrew, revoked or excepted what, and which checks said what. Append-only.

    The reference names the deed, so that one that is done twice is logged once.
    """

    __tablename__ = "supply_chain_log"
    __table_args__ = (Index("ix_supply_chain_log_by_spell", "spell_key", "id"),)

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    reference: str = Field(sa_type=Text, unique=True)
    kind: str = Field(sa_type=Text)
    actor: str = Field(sa_type=Text)
    spell_key: str | None = Field(default=None, sa_type=Text)
    version: str | None = Field(default=None, sa_type=Text)
    package_digest: str | None = Field(default=None, sa_type=Text)
    details: dict[str, Any] = document()
    created_at: datetime = created_at()
