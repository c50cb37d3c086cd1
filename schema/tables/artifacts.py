"""What casts leave besides their output, and links that were used."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Index, Text, text
from sqlmodel import Field, SQLModel

from schema.tables.columns import created_at, moment, text_key


class Artifact(SQLModel, table=True):
    """An artifact besides the output. Never changes, but for its content being deleted, once."""

    __tablename__ = "artifacts"
    __table_args__ = (
        Index("ix_artifacts_kept", "expires_at", postgresql_where=text("deleted_at IS NULL")),
    )

    cast_id: str = text_key("casts.id", primary=True)
    name: str = text_key(primary=True)
    account_id: str = text_key("accounts.id")
    content_type: str = Field(sa_type=Text)
    digest: str = Field(sa_type=Text)
    bytes: int = Field(sa_type=BigInteger)
    blob_key: str = Field(sa_type=Text, unique=True)
    created_at: datetime = created_at()
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    deleted_at: datetime | None = moment()


class CastLeftovers(SQLModel, table=True):
    """A cast that did not succeed, until what its run may have stored is deleted."""

    __tablename__ = "cast_leftovers"
    __table_args__ = (Index("ix_cast_leftovers_ended", "ended_at"),)

    cast_id: str = text_key("casts.id", primary=True)
    ended_at: datetime = created_at()


class UsedArtifactLink(SQLModel, table=True):
    """A one-use link that was used; forgotten once the link could not be used anyway."""

    __tablename__ = "used_artifact_links"

    __table_args__ = (Index("ix_used_artifact_links_expiry", "expires_at"),)

    nonce: str = text_key(primary=True)
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
