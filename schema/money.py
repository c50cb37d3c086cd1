"""Money: integer micros of one currency (1 USD = 1,000,000 micros). There are no floats here."""

from typing import Annotated

from pydantic import Field, StringConstraints

MICROS_PER_UNIT = 1_000_000
# One quadrillion dollars: far above any real sum and far below the 2**63 of a database bigint,
# so no sum of caps can overflow.
MICROS_MAX = 10**15

Micros = Annotated[int, Field(ge=0, le=MICROS_MAX)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


def format_micros(micros: int, currency: str) -> str:
    """Exact decimal text with at least two places, for people: `0.000215 USD`."""
    sign = "-" if micros < 0 else ""
    whole, rest = divmod(abs(micros), MICROS_PER_UNIT)
    fraction = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{fraction} {currency}"


def share_of(micros: int, basis_points: int) -> int:
    """A share in basis points (1/10,000), rounded down, so that shares never exceed the whole."""
    return micros * basis_points // 10_000
