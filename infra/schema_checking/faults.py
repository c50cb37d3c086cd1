"""What the checking process and the platform both say of schemas and values."""

from dataclasses import dataclass

SIDES = ("input", "output")
"""The two schemas of a schema.json."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in a schema or a value, and where (JSON Pointer)."""

    path: str
    message: str
