"""The documented test cards: what becomes of a payment with each.

Source: Stripe's documentation, "Testing", sections "Declined payments", "Invalid data",
"3D Secure authentication" and "Refunds".
"""

from dataclasses import dataclass

_DECLINED = "Your card was declined."


@dataclass(frozen=True)
class Refused:
    """Why a card is refused: `code` and `decline_code` of the card error, and what people read."""

    code: str
    decline_code: str | None = None
    message: str = _DECLINED


@dataclass(frozen=True)
class Card:
    """A test card."""

    number: str
    brand: str = "visa"
    refused: Refused | None = None
    """Why every payment with it is declined; None: they succeed."""
    authenticates: bool = False
    """Its holder is asked to authenticate first (3D Secure)."""
    refund_fails: bool = False
    """A refund looks good at first, and fails later."""

    @property
    def last4(self) -> str:
        """All that is kept of the number."""
        return self.number[-4:]


def _refused(number: str, code: str, decline_code: str | None, message: str = _DECLINED) -> Card:
    return Card(number, refused=Refused(code, decline_code, message))


_EXPIRED = "Your card has expired."
_CVC = "Your card's security code is incorrect."
_PROCESSING = "An error occurred while processing your card. Try again in a little bit."
_FUNDS = "Your card has insufficient funds."
_CARDS = (
    Card("4242424242424242"),
    Card("4000056655665556"),
    Card("5555555555554444", "mastercard"),
    Card("378282246310005", "amex"),
    Card("6011111111111117", "discover"),
    _refused("4000000000000002", "card_declined", "generic_decline"),
    _refused("4000000000009995", "card_declined", "insufficient_funds", _FUNDS),
    _refused("4000000000009987", "card_declined", "lost_card"),
    _refused("4000000000009979", "card_declined", "stolen_card"),
    _refused("4100000000000019", "card_declined", "fraudulent"),
    _refused("4000000000006975", "card_declined", "card_velocity_exceeded"),
    _refused("4000000000000069", "expired_card", "expired_card", _EXPIRED),
    _refused("4000000000000127", "incorrect_cvc", "incorrect_cvc", _CVC),
    _refused("4000000000000119", "processing_error", "processing_error", _PROCESSING),
    Card("4000002760003184", authenticates=True),
    Card(
        "4000008260003178",
        refused=Refused("card_declined", "insufficient_funds", _FUNDS),
        authenticates=True,
    ),
    Card("4000000000005126", refund_fails=True),
)
CARDS = {card.number: card for card in _CARDS}
DEFAULT = _CARDS[0]
# A number that is none: its check digit is wrong.
_INCORRECT = Refused("incorrect_number", None, "Your card number is incorrect.")
_LENGTHS = range(12, 20)


def card_of(number: str) -> Card:
    """The card of a number, as somebody types it; one that is no test card is declined."""
    digits = number.replace(" ", "").replace("-", "")
    known = CARDS.get(digits)
    if known is not None:
        return known
    if len(digits) not in _LENGTHS or not digits.isascii() or not digits.isdigit():
        return Card("0000", refused=_INCORRECT)
    # Nobody's real card is of any use here; nothing but its last digits is kept.
    refused = Refused("card_declined", "test_mode_live_card") if _checks(digits) else _INCORRECT
    return Card(digits[-4:], refused=refused)


def _checks(digits: str) -> bool:
    """Luhn's check digit."""
    doubled = [int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(digits))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0  # noqa: PLR2004
