"""Reads what Stripe delivers. Fits the API's port `StripeSignatures`."""

import json
from collections.abc import Sequence
from typing import Any

import stripe

from schema.contracts.stripe_events import StripeDelivery
from schema.errors import SpellError
from schema.ids import PURCHASE_ID_PATTERN

_TOLERANCE_SECONDS = 300
# Stripe's documentation, "Types of events": what tells that a page was paid, failed or closed.
_ABOUT_PAGES = "checkout.session."


class StripeSignatures:
    """Checks the signature of a delivery, and reads which purchase it is about.

    Args:
        secrets: what Stripe may sign with; two while one takes the other's place. None refuses
            everything.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        # An empty key would sign for everybody.
        self._secrets = [secret for secret in secrets if secret]

    def read(self, body: bytes, signature: str) -> StripeDelivery:
        """The delivery. Raises SpellError: SIGNATURE_INVALID, VALIDATION_ERROR."""
        if not any(_signs(secret, body, signature) for secret in self._secrets):
            raise SpellError("SIGNATURE_INVALID")
        try:
            return _delivery(json.loads(body))
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise SpellError("VALIDATION_ERROR", "The body is no event.") from error


def _signs(secret: str, body: bytes, signature: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret, _TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        # Signatures and bodies that are no text are as wrong as wrong ones.
        return False
    return True


def _delivery(event: dict[str, Any]) -> StripeDelivery:
    """What is heeded of an event; raises ValueError and its like for what is none."""
    if event["object"] != "event":
        raise ValueError("no event")
    return StripeDelivery(
        event_id=event["id"],
        kind=event["type"],
        purchase_id=_purchase(event, event["data"]["object"]),
    )


def _purchase(event: dict[str, Any], subject: dict[str, Any]) -> str | None:
    """The purchase that an event is about; None: nothing of ours, or another account's.

    Events of accounts that are connected with ours come with the id of that account.
    """
    if event.get("account") or not event["type"].startswith(_ABOUT_PAGES):
        return None
    purchase_id = subject.get("client_reference_id")
    if not isinstance(purchase_id, str) or not PURCHASE_ID_PATTERN.match(purchase_id):
        return None
    return purchase_id
