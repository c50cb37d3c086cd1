"""Prices, settlement and shares: what the reference apps of this field get wrong (style.md 1.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.contracts.cast import CasterLimits, CastStatus, RunOutcome
from schema.contracts.problem import Problem
from schema.contracts.run import Outcome, RunLimits, Usage
from schema.error_catalogue import Charged
from schema.errors import SpellError, catalogue
from schema.money import format_micros, share_of
from schema.pricing import (
    FlatPrice,
    FreePrice,
    MeteredPrice,
    Price,
    UnitPrices,
    cost_of,
    worst_case_of,
)
from schema.settlement import charge_of, split, status_of

FLAT = FlatPrice(model="flat", currency="USD", price_micros=500)
METERED = MeteredPrice(
    model="metered",
    currency="USD",
    base_micros=100,
    unit_micros=UnitPrices(fuel_million=3, compute_ms=2, memory_mb_s=5, egress_mb=7),
)
FREE = FreePrice(model="free")
LIMITS = RunLimits(
    fuel=10_000_000,
    timeout_ms=1000,
    memory_bytes_max=8 * 1024**2,
    output_bytes_max=1024**2,
    net_bytes_max=2 * 1024**2,
)


def usage(**changes: int) -> Usage:
    base = {
        "fuel": 2_500_000,
        "wall_ms": 10,
        "cpu_ms": 9,
        "memory_bytes_peak": 1024**2,
        "input_bytes": 10,
        "output_bytes": 0,
        "stderr_bytes": 0,
    }
    return Usage(**{**base, **changes})


def ended(outcome: Outcome, code: str | None = None, used: Usage | None = None) -> RunOutcome:
    problem = Problem.of(SpellError(code)) if code else None
    return RunOutcome(outcome=outcome, problem=problem, usage=used)


def test_a_metered_cost_is_base_plus_units_with_fractions_dropped_once() -> None:
    # 100 + 2.5*3 + 10*2 + (1 MiB * 0.01 s)*5 = 127.55
    assert cost_of(METERED, usage()) == 127


def test_egress_is_output_artifacts_and_network_traffic_together() -> None:
    by_egress = MeteredPrice(
        model="metered", currency="USD", unit_micros=UnitPrices(egress_mb=1000)
    )
    half = 512 * 1024
    assert cost_of(by_egress, usage(output_bytes=half)) == 500
    assert cost_of(by_egress, usage(net_bytes=half)) == 500
    assert cost_of(by_egress, usage(output_bytes=half, net_bytes=3 * half)) == 2000
    assert cost_of(by_egress, usage(output_bytes=half, artifact_bytes=half)) == 1000
    limits = LIMITS.model_copy(update={"artifacts_bytes_max": 1024**2})
    assert worst_case_of(by_egress, limits) == worst_case_of(by_egress, LIMITS) + 1000
    # One MiB of output and two of network at the limits.
    assert worst_case_of(by_egress, LIMITS) == 3000


def test_a_flat_price_does_not_look_at_usage_and_a_free_one_costs_nothing() -> None:
    assert cost_of(FLAT, usage(fuel=0)) == cost_of(FLAT, usage(fuel=10**9)) == 500
    assert cost_of(FREE, usage()) == 0


@given(
    fuel=st.integers(0, LIMITS.fuel),
    wall=st.integers(0, LIMITS.timeout_ms),
    memory=st.integers(0, LIMITS.memory_bytes_max),
    output=st.integers(0, LIMITS.output_bytes_max),
    net=st.integers(0, LIMITS.net_bytes_max),
    units=st.tuples(*[st.integers(0, 10**6)] * 4),
)
def test_no_use_within_the_limits_costs_more_than_the_worst_case(
    fuel: int, wall: int, memory: int, output: int, net: int, units: tuple[int, int, int, int]
) -> None:
    price = MeteredPrice(
        model="metered",
        currency="USD",
        base_micros=1,
        unit_micros=UnitPrices(
            fuel_million=units[0], compute_ms=units[1], memory_mb_s=units[2], egress_mb=units[3]
        ),
    )
    used = usage(
        fuel=fuel, wall_ms=wall, memory_bytes_peak=memory, output_bytes=output, net_bytes=net
    )
    assert cost_of(price, used) <= worst_case_of(price, LIMITS)


WISHES = st.one_of(st.none(), st.integers(1, 2**53 - 1))


@given(wishes=st.fixed_dictionaries(dict.fromkeys(CasterLimits.model_fields, WISHES)))
def test_a_casters_limits_never_raise_a_limit_nor_the_hold(wishes: dict[str, int | None]) -> None:
    tightened = CasterLimits(**wishes).tighten(LIMITS)
    RunLimits.model_validate(tightened.model_dump())
    for name, wish in wishes.items():
        declared = getattr(LIMITS, name)
        assert getattr(tightened, name) == (declared if wish is None else min(wish, declared))
    assert worst_case_of(METERED, tightened) <= worst_case_of(METERED, LIMITS)


@given(cost=st.integers(0, 10**15), fee=st.integers(0, 10_000))
def test_maker_share_and_fee_are_together_exactly_the_cost(cost: int, fee: int) -> None:
    maker, platform = split(cost, fee)
    assert maker + platform == cost
    assert maker >= 0
    assert platform == share_of(cost, fee) >= 0


@pytest.mark.parametrize("price", [FLAT, METERED, FREE])
def test_a_success_costs_its_price(price: Price) -> None:
    assert charge_of(price, ended(Outcome.SUCCEEDED, used=usage())) == cost_of(price, usage())


@pytest.mark.parametrize(
    "code", [code for code, kind in catalogue().items() if kind.charged is Charged.USAGE]
)
def test_a_failure_that_is_the_spells_own_costs_what_it_used(code: str) -> None:
    assert charge_of(METERED, ended(Outcome.FAILED, code, usage())) == 127


@pytest.mark.parametrize("code", ["OUTPUT_INVALID", "RUNNER_LOST", "QUEUE_TIMEOUT", "INTERNAL"])
def test_platform_failures_and_broken_output_cost_nothing(code: str) -> None:
    assert charge_of(FLAT, ended(Outcome.FAILED, code, usage())) is None


def test_a_run_that_never_started_costs_nothing() -> None:
    assert charge_of(FLAT, ended(Outcome.CANCELLED, "CAST_CANCELLED")) is None


def test_a_cancelled_run_costs_its_metered_use_and_nothing_at_a_flat_price() -> None:
    cancelled = ended(Outcome.CANCELLED, "CAST_CANCELLED", usage())
    assert charge_of(METERED, cancelled) == 127
    assert charge_of(FLAT, cancelled) is None


def test_every_outcome_has_a_final_status() -> None:
    assert {status_of(outcome) for outcome in Outcome} == {
        CastStatus.SUCCEEDED,
        CastStatus.FAILED,
        CastStatus.TIMED_OUT,
        CastStatus.CANCELLED,
    }


def test_money_is_shown_exactly() -> None:
    assert format_micros(215, "USD") == "0.000215 USD"
    assert format_micros(1_500_000, "USD") == "1.50 USD"
    assert format_micros(-250_000, "USD") == "-0.25 USD"
