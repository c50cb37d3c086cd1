"""PaymentIntents and charges, as far as a paid page makes them."""

import secrets
import time

from infra.embedded.stripe.store import Document, Store


def take_payment(store: Store, session: Document, metadata: Document) -> Document:
    """The succeeded intent of a page that was just paid, and its charge."""
    now, amount, currency = int(time.time()), session["amount_total"], session["currency"]
    intent_id, charge_id = f"pi_{secrets.token_hex(12)}", f"ch_{secrets.token_hex(12)}"
    store.put(_charge(charge_id, intent_id, amount, currency, now) | {"metadata": metadata})
    return store.put(
        {
            "id": intent_id,
            "object": "payment_intent",
            "amount": amount,
            "amount_capturable": 0,
            "amount_received": amount,
            "capture_method": "automatic",
            "client_secret": f"{intent_id}_secret_{secrets.token_hex(8)}",
            "confirmation_method": "automatic",
            "created": now,
            "currency": currency,
            "customer": None,
            "description": None,
            "last_payment_error": None,
            "latest_charge": charge_id,
            "livemode": False,
            "metadata": metadata,
            "next_action": None,
            "payment_method": "pm_card_visa",
            "payment_method_types": ["card"],
            "status": "succeeded",
        }
    )


def _charge(charge_id: str, intent_id: str, amount: int, currency: str, now: int) -> Document:
    return {
        "id": charge_id,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "captured": True,
        "created": now,
        "currency": currency,
        "customer": None,
        "description": None,
        "disputed": False,
        "livemode": False,
        "paid": True,
        "payment_intent": intent_id,
        "payment_method": "pm_card_visa",
        "refunded": False,
        "status": "succeeded",
    }
