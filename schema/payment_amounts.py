"""Amounts as a payment provider takes them: whole minor units, neither too few nor too many.

Source: Stripe's documentation, "Supported currencies": "Zero-decimal currencies", "Three-decimal
currencies", "Special cases", "Minimum and maximum charge amounts".
"""

from schema.errors import SpellError
from schema.money import MICROS_PER_UNIT

# Minor units of one unit, where they are not a hundred.
_WHOLE = (
    *("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV"),
    *("XAF", "XOF", "XPF"),
)
_THOUSANDTHS = ("BHD", "JOD", "KWD", "OMR", "TND")
_PER_UNIT = {**dict.fromkeys(_WHOLE, 1), **dict.fromkeys(_THOUSANDTHS, 1000)}
# Only multiples of so many minor units are taken.
_STEP = {**dict.fromkeys(_THOUSANDTHS, 10), "ISK": 100}
# Listed there without minor units, and among the special cases with a hundred: a price in it could
# be taken a hundred times too large or too small.
_CONTRADICTED = frozenset({"UGX"})
# About half a dollar, and eight digits.
_MINOR_UNITS_MIN, _MINOR_UNITS_MAX = 50, 99_999_999


def minor_units(micros: int, currency: str) -> int:
    """Cents of a dollar, yen of a yen. Raises ValueError when it is no number that is taken."""
    minor, rest = divmod(micros, _micros_per_minor(currency))
    if rest or minor % _STEP.get(currency, 1):
        raise ValueError("no whole number of minor units")
    return minor


def micros_of(minor: int, currency: str) -> int:
    """Micros of so many minor units. Raises ValueError: nobody knows what they are."""
    return minor * _micros_per_minor(currency)


def _micros_per_minor(currency: str) -> int:
    if currency in _CONTRADICTED:
        raise ValueError("a currency whose minor units are unknown")
    return MICROS_PER_UNIT // _PER_UNIT.get(currency, 100)


def check_payable(micros: int, currency: str) -> None:
    """Make sure that a page can take the price; nothing is always payable.

    Raises:
        SpellError: VALIDATION_ERROR, pay with credit.
    """
    try:
        payable = not micros or (
            _MINOR_UNITS_MIN <= minor_units(micros, currency) <= _MINOR_UNITS_MAX
        )
    except ValueError:
        payable = False
    if not payable:
        message = "A card cannot take this price: pay with credit."
        errors = [{"path": "/pay_with", "message": "must be 'credit' at this price"}]
        raise SpellError("VALIDATION_ERROR", message, details={"errors": errors})
