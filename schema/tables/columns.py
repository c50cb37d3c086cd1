"""Column shapes that several tables share."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field


def created_at() -> Any:
    """When the row was written, by the database's clock."""
    return Field(
        default=None,
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"server_default": func.now()},
        nullable=False,
    )


def updated_at() -> Any:
    """When the row was last written, by the database's clock; every update sets it."""
    return created_at()


def moment() -> Any:
    """An optional point in time (aware)."""
    return Field(default=None, sa_type=DateTime(timezone=True), nullable=True)


def text_key(foreign_key: str | None = None, *, primary: bool = False, null: bool = False) -> Any:
    """A text id, possibly of a row in another table."""
    options: dict[str, Any] = {"primary_key": primary, "sa_type": Text, "nullable": null}
    if foreign_key is not None:
        options["foreign_key"] = foreign_key
    if null:
        options["default"] = None
    return Field(**options)


def document(*, null: bool = False) -> Any:
    """A JSON document."""
    if null:
        return Field(default=None, sa_type=JSONB, nullable=True)
    return Field(sa_type=JSONB, nullable=False)


Moment = datetime | None
