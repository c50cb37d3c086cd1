"""Published spells, their immutable versions, and the supply-chain decisions on them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from schema.tables.columns import created_at, document, text_key, updated_at


class Spell(SQLModel, table=True):
    """A spell's key and who owns it."""

    __tablename__ = "spells"

    key: str = text_key(primary=True)
    account_id: str = Field(foreign_key="accounts.id", sa_type=Text, index=True)
    visibility: str = Field(sa_type=Text)
    created_at: datetime = created_at()


class VerificationDecision(SQLModel, table=True):
    """One verdict on a package: by these rules, on this trust root, with these advisories.

    Made once, looked up at each cast. Never changed.
    """

    __tablename__ = "verification_decisions"

    package_digest: str = text_key(primary=True)
    policy: str = text_key(primary=True)
    trust_root: str = text_key(primary=True)
    snapshot: str = text_key(primary=True)
    passed: bool
    reasons: list[Any] = document()
    signer: dict[str, Any] | None = document(null=True)
    decided_at: datetime = created_at()


class SpellVersion(SQLModel, table=True):
    """One immutable version; only its state may change (a trigger refuses the rest)."""

    __tablename__ = "spell_versions"
    __table_args__ = (
        Index(
            "ix_spell_versions_newest",
            "spell_key",
            text("version_numbers(version) DESC"),
            postgresql_where=text("state = 'published' AND version NOT LIKE '%-%'"),
        ),
        Index("ix_spell_versions_by_package", "package_digest"),
    )

    spell_key: str = text_key("spells.key", primary=True)
    version: str = text_key(primary=True)
    package_digest: str = text_key("package_evidence.package_digest")
    module_digest: str | None = Field(default=None, sa_type=Text)
    """With the others that may be missing: what the fleet needs, of versions that run there."""
    module_bytes: int | None = Field(default=None, sa_type=BigInteger)
    entry: str | None = Field(default=None, sa_type=Text)
    mode: str = Field(sa_type=Text)
    modes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    fallback: str | None = Field(default=None, sa_type=Text)
    target: str | None = Field(default="wasm32-wasip1", sa_type=Text)
    manifest: dict[str, Any] = document()
    schemas: bytes | None = Field(default=None, sa_type=LargeBinary)
    limits: dict[str, Any] | None = document(null=True)
    policy: dict[str, Any] | None = document(null=True)
    actions: dict[str, Any] | None = document(null=True)
    clone: dict[str, Any] | None = document(null=True)
    price: dict[str, Any] = document()
    state: str = Field(default="published", sa_type=Text)
    published_at: datetime = created_at()


def _of_version() -> ForeignKeyConstraint:
    """The version that a row is about."""
    return ForeignKeyConstraint(
        ["spell_key", "version"], ["spell_versions.spell_key", "spell_versions.version"]
    )


class SpellAlias(SQLModel, table=True):
    """A name that a maker gave to one version; `latest` is computed, and never here."""

    __tablename__ = "spell_aliases"
    __table_args__ = (_of_version(),)

    spell_key: str = text_key("spells.key", primary=True)
    alias: str = text_key(primary=True)
    version: str = Field(sa_type=Text)
    updated_at: datetime = updated_at()


class Consent(SQLModel, table=True):
    """A version whose terms a caster agreed to: an alias may lead to nothing wider."""

    __tablename__ = "consents"
    __table_args__ = (_of_version(),)

    account_id: str = text_key("accounts.id", primary=True)
    spell_key: str = text_key(primary=True)
    version: str = text_key(primary=True)
    consented_at: datetime = created_at()


class SpellSecret(SQLModel, table=True):
    """One secret of a spell, encrypted under its maker's key; the value is never shown again."""

    __tablename__ = "spell_secrets"

    spell_key: str = text_key("spells.key", primary=True)
    name: str = text_key(primary=True)
    ciphertext: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = created_at()
    updated_at: datetime = updated_at()
