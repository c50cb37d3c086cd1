"""A failure as it travels: the payload behind RFC 9457 problem documents."""

from typing import Any

from pydantic import Field

from schema.contracts.base import Contract
from schema.errors import SpellError


class Problem(Contract):
    """A code from the catalogue with what this occurrence adds to it."""

    code: str
    message: str
    details: dict[str, Any] = Field(default_factory=dict)
    retry_after: int | None = None

    @classmethod
    def of(cls, error: SpellError) -> "Problem":
        """The problem that an error raises inside one process stands for."""
        return cls(
            code=error.code,
            message=error.message,
            details=error.details,
            retry_after=error.retry_after,
        )

    def to_error(self) -> SpellError:
        """The error again, on the other side."""
        return SpellError(
            self.code, self.message, details=self.details, retry_after=self.retry_after
        )
