"""Goal: a provider is asked for exactly the price. Method: its documented examples, properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import SpellError
from schema.payment_amounts import check_payable, micros_of, minor_units

CURRENCIES = ("USD", "EUR", "JPY", "KRW", "KWD", "TND", "ISK", "HUF", "XAF")


@pytest.mark.parametrize(
    ("micros", "currency", "minor"),
    [
        (10_000_000, "USD", 1000),
        (500_000_000, "JPY", 500),
        (5_000_000, "ISK", 500),
        (5_120_000, "KWD", 5120),
        (10_450_000, "HUF", 1045),
        (800_450_000, "TWD", 80_045),
        (50_000_000, "XPF", 50),
    ],
)
def test_amounts_are_as_stripe_documents_them(micros: int, currency: str, minor: int) -> None:
    assert minor_units(micros, currency) == minor
    assert micros_of(minor, currency) == micros


@pytest.mark.parametrize(
    ("micros", "currency"),
    [
        (10_005_000, "USD"),
        (1, "USD"),
        (500_500_000, "JPY"),
        (5_010_000, "ISK"),
        (5_124_000, "KWD"),
        (5_000_000, "UGX"),
    ],
)
def test_what_is_no_whole_number_of_minor_units_is_never_rounded(
    micros: int, currency: str
) -> None:
    with pytest.raises(ValueError, match="minor units"):
        minor_units(micros, currency)
    with pytest.raises(SpellError) as refused:
        check_payable(micros, currency)
    assert refused.value.code == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    ("micros", "currency", "payable"),
    [
        (0, "USD", True),
        (0, "UGX", True),
        (490_000, "USD", False),
        (500_000, "USD", True),
        (49_000_000, "JPY", False),
        (50_000_000, "JPY", True),
        (999_999_990_000, "USD", True),
        (1_000_000_000_000, "USD", False),
        (99_999_999_000_000, "JPY", True),
        (100_000_000_000_000, "JPY", False),
    ],
)
def test_a_card_takes_neither_too_little_nor_too_much(
    micros: int, currency: str, payable: bool
) -> None:
    if payable:
        check_payable(micros, currency)
        return
    with pytest.raises(SpellError):
        check_payable(micros, currency)


@given(st.integers(min_value=0, max_value=10**15), st.sampled_from(CURRENCIES))
def test_what_is_asked_for_is_the_price_or_nothing(micros: int, currency: str) -> None:
    try:
        minor = minor_units(micros, currency)
    except ValueError:
        return
    assert micros_of(minor, currency) == micros
