"""Amounts as a payment provider takes them: whole minor units of a currency, and not too few."""

from schema.errors import SpellError
from schema.money import MICROS_PER_UNIT

# Stripe's currencies without minor units (its documentation, "zero-decimal currencies").
_WHOLE = frozenset(
    "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF".split()  # noqa: SIM905
)
# Stripe takes no payment below about half a dollar.
_MINOR_UNITS_MIN = 50


def minor_units(micros: int, currency: str) -> int:
    """Cents of a dollar, yen of a yen. Raises ValueError when it is no whole number of them."""
    per_minor = MICROS_PER_UNIT if currency in _WHOLE else MICROS_PER_UNIT // 100
    whole, rest = divmod(micros, per_minor)
    if rest:
        raise ValueError("no whole number of minor units")
    return whole


def micros_of(minor: int, currency: str) -> int:
    """Micros of so many minor units."""
    return minor * (MICROS_PER_UNIT if currency in _WHOLE else MICROS_PER_UNIT // 100)


def check_payable(micros: int, currency: str) -> None:
    """Make sure that a page can take the price; nothing is always payable.

    Raises:
        SpellError: VALIDATION_ERROR, pay with credit.
    """
    try:
        payable = not micros or minor_units(micros, currency) >= _MINOR_UNITS_MIN
    except ValueError:
        payable = False
    if not payable:
        message = "This price is too small or too fine for a card: pay with credit."
        errors = [{"path": "/pay_with", "message": "must be 'credit' at this price"}]
        raise SpellError("VALIDATION_ERROR", message, details={"errors": errors})
