"""PaymentMethods: the card that somebody typed, without its number."""

import hashlib
import secrets
import time

from infra.embedded.stripe.calls import Call, Document, Endpoint
from infra.embedded.stripe.cards import Card
from infra.embedded.stripe.store import Store

_KIND = "payment_method"
_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
_CHECKS = {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"}


class PaymentMethods:
    """The resource `payment_methods`, as far as pages make them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def endpoints(self) -> list[Endpoint]:
        """All that can be asked of them."""
        return [Endpoint("GET", "/v1/payment_methods/{id}", self._get)]

    def _get(self, call: Call) -> Document:
        return self._store.one(_KIND, call.identifier)

    def create(self, card: Card) -> Document:
        """Keep what a card is, without its number."""
        return self._store.put(
            {
                "id": f"pm_{secrets.token_hex(12)}",
                "object": _KIND,
                "allow_redisplay": "limited",
                "billing_details": billing_details(),
                "card": _card(card),
                "created": int(time.time()),
                "customer": None,
                "customer_account": None,
                "livemode": False,
                "metadata": {},
                "type": "card",
                "_number": card.number,
            }
        )


def billing_details() -> Document:
    """Nothing is known of a buyer here."""
    nothing = dict.fromkeys(("email", "name", "phone", "tax_id"))
    return {"address": dict(_ADDRESS), **nothing}


def card_details(card: Card) -> Document:
    """The card of a charge, as the charge shows it."""
    unavailable = {"status": "unavailable"}
    return {
        "card": {
            "amount_authorized": None,
            "authorization_code": None,
            "brand": card.brand,
            "checks": dict(_CHECKS),
            "country": "US",
            "exp_month": 12,
            "exp_year": 2034,
            "extended_authorization": {"status": "disabled"},
            "fingerprint": _fingerprint(card),
            "funding": "credit",
            "incremental_authorization": unavailable,
            "installments": None,
            "last4": card.last4,
            "mandate": None,
            "multicapture": unavailable,
            "network": card.brand,
            "network_token": {"used": False},
            "network_transaction_id": None,
            "overcapture": {"maximum_amount_capturable": 0, "status": "unavailable"},
            "regulated_status": "unregulated",
            "three_d_secure": None,
            "transaction_link_id": None,
            "wallet": None,
        },
        "type": "card",
    }


def _card(card: Card) -> Document:
    return {
        "brand": card.brand,
        "checks": dict(_CHECKS),
        "country": "US",
        "display_brand": card.brand,
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": _fingerprint(card),
        "funding": "credit",
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _fingerprint(card: Card) -> str:
    return hashlib.sha256(card.number.encode()).hexdigest()[:16]
