"""Events: what happened, kept to be listed, and delivered signed."""

import hashlib
import hmac
import json
import secrets
import time

from infra.embedded.stripe.calls import Call, Document, Endpoint, shown
from infra.embedded.stripe.faults import WEBHOOK, Faults
from infra.embedded.stripe.lists import page_of
from infra.embedded.stripe.store import Store

API_VERSION = "2026-10-28.endive"
_PATH = "/v1/events"
# Out of order: the next event has been delivered by then.
_LATE_SECONDS = 1.0


class Events:
    """The resource `events`.

    Args:
        store: keeps them, and what is to be delivered.
        faults: of webhooks.
    """

    def __init__(self, store: Store, faults: Faults) -> None:
        self._store = store
        self._faults = faults

    def endpoints(self) -> list[Endpoint]:
        """All that can be asked of events."""
        return [
            Endpoint("GET", _PATH, self._list),
            Endpoint("GET", f"{_PATH}/{{id}}", self._get),
        ]

    def _get(self, call: Call) -> Document:
        return self._store.one("event", call.identifier)

    def _list(self, call: Call) -> Document:
        kind, found = call.query.get("type"), self._store.newest("event")
        return page_of(_PATH, [each for each in found if kind in (None, each["type"])], call.query)

    def announce(self, kind: str, subject: Document) -> None:
        """Keep an event and have it delivered: lost, twice or late where a fault says so."""
        event = self._store.put(
            {
                "id": f"evt_{secrets.token_hex(12)}",
                "object": "event",
                "api_version": API_VERSION,
                "created": int(time.time()),
                "data": {"object": shown(subject)},
                "livemode": False,
                "pending_webhooks": 1,
                "request": {"id": None, "idempotency_key": None},
                "type": kind,
            }
        )
        if self._faults.strikes(WEBHOOK, "lose"):
            return
        late = self._faults.strikes(WEBHOOK, "late")
        self._store.deliver(event["id"], after_seconds=_LATE_SECONDS if late else 0.0)
        if self._faults.strikes(WEBHOOK, "duplicate"):
            self._store.deliver(event["id"])


def signed(event: Document, secret: str) -> tuple[bytes, str]:
    """The body of a delivery and its `Stripe-Signature`."""
    body, now = json.dumps(event).encode(), int(time.time())
    mac = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return body, f"t={now},v1={mac}"
