"""Reads what Stripe delivers. Fits the API's port `StripeSignatures`."""

import json

import stripe

from schema.contracts.stripe_events import StripeDelivery
from schema.errors import SpellError
from schema.ids import PURCHASE_ID_PATTERN

_TOLERANCE_SECONDS = 300


class StripeSignatures:
    """Checks the signature of a delivery, and reads which purchase it is about.

    Args:
        secret: what Stripe signs with; None refuses everything.
    """

    def __init__(self, secret: str | None) -> None:
        self._secret = secret

    def read(self, body: bytes, signature: str) -> StripeDelivery:
        """The delivery. Raises SpellError: SIGNATURE_INVALID, VALIDATION_ERROR."""
        if not self._secret:
            raise SpellError("SIGNATURE_INVALID")
        try:
            stripe.Webhook.construct_event(body, signature, self._secret, _TOLERANCE_SECONDS)
        except stripe.SignatureVerificationError as error:
            raise SpellError("SIGNATURE_INVALID") from error
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise SpellError("VALIDATION_ERROR", "The body is no event.") from error
        return _delivery(json.loads(body))


def _delivery(event: dict[str, object]) -> StripeDelivery:
    data = event.get("data")
    subject = data.get("object") if isinstance(data, dict) else None
    session = subject if isinstance(subject, dict) else {}
    purchase_id = str(session.get("client_reference_id") or "")
    known = PURCHASE_ID_PATTERN.match(purchase_id) is not None
    return StripeDelivery(
        event_id=str(event.get("id", ""))[:255],
        kind=str(event.get("type", ""))[:128],
        purchase_id=purchase_id if known else None,
    )
