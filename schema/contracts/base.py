"""The base of everything that travels between processes."""

from pydantic import BaseModel, ConfigDict


class Contract(BaseModel):
    """Frozen, strict about unknown members, and free of clock, uuid and random defaults.

    A default that reads a clock would give another value at each workflow replay, invisibly
    (design/style.md 2, "four things measured"); an architecture test forbids it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
