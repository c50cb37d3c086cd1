"""Goal: nothing that grows is overlooked, nothing that shrinks asks for consent."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.contracts.run import RunLimits, RunPolicy
from schema.pricing import FlatPrice, FreePrice, MeteredPrice, Price, UnitPrices, cost_of
from schema.supply_chain.widening import Terms, least_widenings, widenings
from tests.support.builders import FLAT_500, LIMITS, METERED, USAGE


def terms(price: Price = FLAT_500, **policy: Any) -> Terms:
    return Terms(limits=LIMITS, policy=RunPolicy(**policy), price=price)


def members(agreed: Terms, offered: Terms) -> set[str]:
    return {each.member for each in widenings(agreed, offered)}


@pytest.mark.parametrize("member", RunLimits.model_fields)
def test_every_limit_that_grows_is_a_widening_and_none_that_shrinks(member: str) -> None:
    larger = LIMITS.model_copy(update={member: getattr(LIMITS, member) + 1})
    grown = terms().model_copy(update={"limits": larger})
    assert members(terms(), grown) == {f"limits.{member}"}
    assert members(grown, terms()) == set()


@pytest.mark.parametrize(
    ("before", "after", "member"),
    [
        ({}, {"net_allow": ["a.example"]}, "policy.net_allow"),
        ({"net_allow": ["a.example"]}, {"net_allow": ["*.example"]}, "policy.net_allow"),
        ({"net_allow": ["*.a.example"]}, {"net_allow": ["a.example"]}, "policy.net_allow"),
        ({"net_allow": ["*.a.example"]}, {"net_allow": ["xa.example"]}, "policy.net_allow"),
        ({"env_vars": ["A"]}, {"env_vars": ["A", "B"]}, "policy.env_vars"),
        ({"fs_read": ["resources/a"]}, {"fs_read": ["resources"]}, "policy.fs_read"),
        ({"fs_read": ["resources/a"]}, {"fs_read": ["resources/ab"]}, "policy.fs_read"),
        ({}, {"scratch": True}, "policy.scratch"),
        ({}, {"retry_safe": True}, "policy.retry_safe"),
        ({}, {"deterministic": False}, "policy.deterministic"),
    ],
)
def test_a_capability_that_is_added_is_a_widening(
    before: dict[str, Any], after: dict[str, Any], member: str
) -> None:
    assert members(terms(**before), terms(**after)) == {member}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"net_allow": ["*.example.com"]}, {"net_allow": ["api.example.com"]}),
        ({"net_allow": ["*.example.com"]}, {"net_allow": ["*.api.example.com"]}),
        ({"fs_read": ["resources"]}, {"fs_read": ["resources/a", "resources/b"]}),
        ({"scratch": True, "env_vars": ["A", "B"]}, {"env_vars": ["B"]}),
        ({"deterministic": False}, {"deterministic": True}),
    ],
)
def test_what_was_covered_before_is_none(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert members(terms(**before), terms(**after)) == set()


amounts = st.integers(0, 1000)
metered = st.builds(
    MeteredPrice,
    model=st.just("metered"),
    currency=st.just("USD"),
    base_micros=amounts,
    unit_micros=st.builds(
        UnitPrices,
        fuel_million=amounts,
        compute_ms=amounts,
        memory_mb_s=amounts,
        egress_mb=amounts,
    ),
)
flat = st.builds(FlatPrice, model=st.just("flat"), currency=st.just("USD"), price_micros=amounts)
prices = st.one_of(metered, flat, st.just(FreePrice(model="free")))


@given(agreed=prices, offered=prices)
def test_a_price_without_widening_never_costs_more(agreed: Price, offered: Price) -> None:
    if not members(terms(agreed), terms(offered)):
        assert cost_of(offered, USAGE) <= cost_of(agreed, USAGE)


@given(first=prices, second=prices, third=prices)
def test_two_steps_without_widening_are_one_without(
    first: Price, second: Price, third: Price
) -> None:
    """So that a version cast by an alias may count as agreed to."""
    if not members(terms(first), terms(second)) and not members(terms(second), terms(third)):
        assert not members(terms(first), terms(third))


def test_another_currency_is_a_widening_where_something_is_paid() -> None:
    euros = FLAT_500.model_copy(update={"currency": "EUR"})
    assert members(terms(), terms(euros)) == {"price.currency"}
    assert members(terms(), terms(FreePrice(model="free", currency="EUR"))) == set()


def test_of_several_terms_the_closest_counts_and_with_none_everything_is_new() -> None:
    wide = terms(METERED, net_allow=["a.example"])
    assert least_widenings([terms(), wide], wide) == []
    assert least_widenings([], wide) == []
    assert least_widenings([terms()], wide) != []
