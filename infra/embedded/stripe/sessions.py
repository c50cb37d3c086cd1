"""Checkout Sessions: a page on which somebody pays, once."""

import secrets
import time
from collections.abc import Mapping
from typing import Any

from infra.embedded.stripe.events import announce
from infra.embedded.stripe.faults import Faults
from infra.embedded.stripe.forms import natural, only
from infra.embedded.stripe.lists import page_of
from infra.embedded.stripe.payments import take_payment
from infra.embedded.stripe.refusal import RefusedError, missing
from infra.embedded.stripe.store import Document, Store

KIND = "checkout.session"
PATH = "/v1/checkout/sessions"
_HOURS_MIN, _HOURS_MAX = 0.5, 24


class Sessions:
    """The resource `checkout/sessions`.

    Args:
        store: keeps them.
        faults: of webhooks.
        url: where the pages are.
    """

    def __init__(self, store: Store, faults: Faults, url: str) -> None:
        self._store = store
        self._faults = faults
        self._url = url

    def create(self, form: Document) -> Document:
        """Open a page."""
        only(
            form,
            *("mode", "client_reference_id", "metadata", "payment_intent_data", "line_items"),
            *("expires_at", "success_url", "cancel_url"),
        )
        if form.get("mode") != "payment":
            raise RefusedError("Only mode `payment` is here.", parameter="mode")
        currency, total = _total(form.get("line_items"))
        identifier = f"cs_test_{secrets.token_hex(24)}"
        return self._store.put(
            {
                "id": identifier,
                "object": KIND,
                "amount_subtotal": total,
                "amount_total": total,
                "cancel_url": form.get("cancel_url"),
                "client_reference_id": form.get("client_reference_id"),
                "created": int(time.time()),
                "currency": currency,
                "customer": None,
                "customer_email": None,
                "expires_at": _expiry(form),
                "livemode": False,
                "metadata": form.get("metadata", {}),
                "mode": "payment",
                "payment_intent": None,
                "payment_method_types": ["card"],
                "payment_status": "unpaid",
                "status": "open",
                "success_url": form.get("success_url"),
                "url": f"{self._url}/pay/{identifier}",
                # Stripe keeps this too, and shows it nowhere.
                "_intent_metadata": (form.get("payment_intent_data") or {}).get("metadata", {}),
            }
        )

    def get(self, identifier: str) -> Document:
        """A page; one whose time is up has expired."""
        found = self._store.get(KIND, identifier)
        if found is None:
            raise missing("checkout.session", identifier)
        if found["status"] == "open" and found["expires_at"] <= time.time():
            return self._expired(found)
        return found

    def newest(self, query: Mapping[str, str]) -> Document:
        """A page of the list."""
        found = self._store.newest(KIND)
        wanted = query.get("payment_intent")
        if wanted is not None:
            found = [each for each in found if each["payment_intent"] == wanted]
        return page_of(PATH, (shown(each) for each in found), query)

    def expire(self, identifier: str) -> Document:
        """Close a page that is open."""
        found = self.get(identifier)
        if found["status"] != "open":
            message = 'Only Checkout Sessions with a status in ["open"] can be expired.'
            raise RefusedError(message, parameter="session")
        return self._expired(found)

    def pay(self, identifier: str) -> Document:
        """Pay on an open page, as the buyer does."""
        found = self.get(identifier)
        if found["status"] != "open":
            raise RefusedError("The page is not open any more.")
        intent = take_payment(self._store, found, found["_intent_metadata"])
        paid = {"status": "complete", "payment_status": "paid", "payment_intent": intent["id"]}
        complete = self._store.put({**found, **paid, "url": None})
        announce(self._store, self._faults, "payment_intent.succeeded", intent)
        announce(self._store, self._faults, "checkout.session.completed", shown(complete))
        return complete

    def _expired(self, session: Document) -> Document:
        closed = self._store.put({**session, "status": "expired", "url": None})
        announce(self._store, self._faults, "checkout.session.expired", shown(closed))
        return closed


def shown(document: Document) -> Document:
    """An object as answers have it."""
    return {name: value for name, value in document.items() if not name.startswith("_")}


def _total(items: Any) -> tuple[str, int]:
    """The currency, and the sum of the lines."""
    if not isinstance(items, list) or not items:
        raise RefusedError("Missing required param: line_items.", parameter="line_items")
    total, currencies = 0, set()
    for item in items:
        price = item.get("price_data") if isinstance(item, dict) else None
        if not isinstance(price, dict):
            raise RefusedError("Only `price_data` is here.", parameter="line_items[0][price_data]")
        total += natural(price, "unit_amount") * natural(item, "quantity")
        currencies.add(str(price.get("currency")))
    if len(currencies) != 1:
        raise RefusedError("All lines must have one currency.", parameter="line_items")
    return currencies.pop(), total


def _expiry(form: Document) -> int:
    now = int(time.time())
    if "expires_at" not in form:
        return now + _HOURS_MAX * 3600
    expiry = natural(form, "expires_at")
    if not now + _HOURS_MIN * 3600 - 60 <= expiry <= now + _HOURS_MAX * 3600:
        message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from now."
        raise RefusedError(message, parameter="expires_at")
    return expiry
