"""Events, and what their deliveries are signed with."""

import hashlib
import hmac
import json
import secrets
import time

from infra.embedded.stripe.faults import Faults
from infra.embedded.stripe.store import Document, Store

# Out of order: the next event is likely to have been delivered by then.
_LATE_SECONDS = 1.0


def announce(store: Store, faults: Faults, kind: str, subject: Document) -> Document:
    """Keep an event and have it delivered: lost, twice or late where a fault says so."""
    event = store.put(
        {
            "id": f"evt_{secrets.token_hex(12)}",
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": int(time.time()),
            "data": {"object": subject},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
        }
    )
    if faults.strikes("webhook", "lose"):
        return event
    late = faults.strikes("webhook", "late")
    store.deliver(event["id"], after_seconds=_LATE_SECONDS if late else 0.0)
    if faults.strikes("webhook", "duplicate"):
        store.deliver(event["id"])
    return event


def signed(event: Document, secret: str) -> tuple[bytes, str]:
    """The body of a delivery and its `Stripe-Signature`."""
    body, now = json.dumps(event).encode(), int(time.time())
    mac = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return body, f"t={now},v1={mac}"
