"""Prices and what a run costs: pure integer arithmetic on declared limits and metered usage.

A cast is charged `cost_of(price, usage)` and never more than its hold, which is
`worst_case_of(price, limits)`: the same formula at the limits.
"""

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field

from schema.contracts.base import Contract
from schema.contracts.run import RunLimits, Usage
from schema.money import Currency, Micros


class FlatPrice(Contract):
    """So much per cast, whatever it uses."""

    model: Literal["flat"]
    currency: Currency
    price_micros: Micros


class UnitPrices(Contract):
    """Micros per unit of use; a unit that is left out is free."""

    fuel_million: Micros = 0
    compute_ms: Micros = 0
    memory_mb_s: Micros = 0
    egress_mb: Micros = 0
    """Per MiB of output, artifacts and network traffic, both ways."""


class MeteredPrice(Contract):
    """A base per cast plus what was used."""

    model: Literal["metered"]
    currency: Currency
    base_micros: Micros = 0
    unit_micros: UnitPrices


class OneTimePrice(Contract):
    """So much for a copy to keep; only spells of mode `clone` are sold so."""

    model: Literal["one_time"]
    currency: Currency
    price_micros: Micros


class FreePrice(Contract):
    """Nothing to pay."""

    model: Literal["free"]
    currency: Currency = "USD"


Price = Annotated[FlatPrice | MeteredPrice | OneTimePrice | FreePrice, Field(discriminator="model")]

_MIB = 1024 * 1024


def cost_of(price: Price, usage: Usage) -> int:
    """Micros that this usage costs; fractions are dropped once, in the caster's favour."""
    match price:
        case FlatPrice() | OneTimePrice():
            return price.price_micros
        case FreePrice():
            return 0
        case MeteredPrice():
            return price.base_micros + _metered(price.unit_micros, usage)


def cost_of_copy(price: Price) -> int:
    """Micros that a copy to keep costs: a one-time price, or nothing."""
    assert isinstance(price, OneTimePrice | FreePrice), "checked when the version was published"
    return price.price_micros if isinstance(price, OneTimePrice) else 0


def worst_case_of(price: Price, limits: RunLimits) -> int:
    """Micros that a run cannot exceed: the cost of using every limit to the full."""
    return cost_of(
        price,
        Usage(
            fuel=limits.fuel,
            wall_ms=limits.timeout_ms,
            cpu_ms=limits.timeout_ms,
            memory_bytes_peak=limits.memory_bytes_max,
            input_bytes=0,
            output_bytes=limits.output_bytes_max,
            stderr_bytes=0,
            net_bytes=limits.net_bytes_max,
            artifact_bytes=limits.artifacts_bytes_max,
        ),
    )


def worst_case_of_time(price: Price, timeout_ms: int) -> int:
    """Micros that a run cannot exceed of which nothing but its time is measured."""
    return cost_of(price, usage_of_time(timeout_ms))


def usage_of_time(wall_ms: int) -> Usage:
    """The use of a run of which nothing but its time is measured."""
    return Usage(
        fuel=0,
        wall_ms=wall_ms,
        cpu_ms=0,
        memory_bytes_peak=0,
        input_bytes=0,
        output_bytes=0,
        stderr_bytes=0,
    )


def measures_more_than_time(price: Price) -> bool:
    """Whether a price asks for figures that only the runner fleet measures."""
    if not isinstance(price, MeteredPrice):
        return False
    units = price.unit_micros
    return any((units.fuel_million, units.memory_mb_s, units.egress_mb))


def _metered(unit: UnitPrices, usage: Usage) -> int:
    egress_bytes = usage.output_bytes + usage.artifact_bytes + usage.net_bytes
    total = (
        Fraction(usage.fuel, 1_000_000) * unit.fuel_million
        + usage.wall_ms * unit.compute_ms
        + Fraction(usage.memory_bytes_peak, _MIB) * Fraction(usage.wall_ms, 1000) * unit.memory_mb_s
        + Fraction(egress_bytes, _MIB) * unit.egress_mb
    )
    return int(total)
