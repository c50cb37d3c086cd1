"""Checkout Sessions: a page on which somebody pays, once."""

import secrets
import time
from typing import Any

from infra.embedded.stripe.calls import Call, Document, Endpoint
from infra.embedded.stripe.cards import Card
from infra.embedded.stripe.events import Events
from infra.embedded.stripe.forms import labels, natural, one_of, only, short
from infra.embedded.stripe.lists import page_of
from infra.embedded.stripe.payment_intents import PaymentIntents
from infra.embedded.stripe.refusal import RefusedError
from infra.embedded.stripe.store import Store

_KIND = "checkout.session"
_PATH = "/v1/checkout/sessions"
_HOURS_MIN, _HOURS_MAX = 0.5, 24
_URL_MAX, _REFERENCE_MAX = 5000, 200
_SECOND_MAX = 10**11
_FIELDS = (
    *("mode", "client_reference_id", "metadata", "payment_intent_data", "line_items"),
    *("expires_at", "success_url", "cancel_url", "payment_method_types"),
)
_CARD_ONLY = ["card"]
_NOTHING = (
    *("after_expiration", "allow_promotion_codes", "billing_address_collection", "client_secret"),
    *("collected_information", "consent", "consent_collection", "currency_conversion"),
    *("customer", "customer_account", "customer_details", "customer_email", "discounts"),
    *("integration_identifier", "invoice", "invoice_creation", "locale", "managed_payments"),
    *("origin_context", "payment_intent", "payment_link", "payment_method_collection"),
    *("payment_method_configuration_details", "permissions", "phone_number_collection"),
    *("recovered_from", "saved_payment_method_options", "setup_intent"),
    *("shipping_address_collection", "shipping_cost", "submit_type", "subscription"),
    "wallet_options",
)
_TEXTS = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")


class CheckoutSessions:
    """The resource `checkout/sessions`.

    Args:
        store: keeps them.
        events: tells of them.
        intents: take the money.
        url: where the pages are.
    """

    def __init__(self, store: Store, events: Events, intents: PaymentIntents, url: str) -> None:
        self._store = store
        self._events = events
        self._intents = intents
        self._url = url

    def endpoints(self) -> list[Endpoint]:
        """All that can be asked of sessions."""
        return [
            Endpoint("POST", _PATH, self._create),
            Endpoint("GET", _PATH, self._list),
            Endpoint("GET", f"{_PATH}/{{id}}", lambda call: self.one(call.identifier)),
            Endpoint("POST", f"{_PATH}/{{id}}/expire", self._expire),
        ]

    def _create(self, call: Call) -> Document:
        """Open a page."""
        form = call.form
        only(form, *_FIELDS)
        if form.get("mode") != "payment":
            raise RefusedError("Only mode `payment` is here.", parameter="mode")
        if form.get("payment_method_types", _CARD_ONLY) != _CARD_ONLY:
            raise RefusedError("Only `card` is here.", parameter="payment_method_types")
        currency, total, names = _lines(form.get("line_items"))
        intent_data = form.get("payment_intent_data") or {}
        only(intent_data, "metadata")
        identifier = f"cs_test_{secrets.token_hex(24)}"
        return self._store.put(
            {
                **dict.fromkeys(_NOTHING),
                "id": identifier,
                "object": _KIND,
                "adaptive_pricing": {"enabled": False},
                "amount_subtotal": total,
                "amount_total": total,
                "automatic_tax": {
                    "enabled": False,
                    "liability": None,
                    "provider": None,
                    "status": None,
                },
                "cancel_url": short(form, "cancel_url", _URL_MAX),
                "client_reference_id": short(form, "client_reference_id", _REFERENCE_MAX),
                "created": int(time.time()),
                "currency": currency,
                "custom_fields": [],
                "custom_text": dict.fromkeys(_TEXTS),
                "customer_creation": "if_required",
                "expires_at": _expiry(form),
                "livemode": False,
                "metadata": labels(form),
                "mode": one_of(form, "mode", "payment"),
                "payment_method_options": {},
                "payment_method_types": [*_CARD_ONLY],
                "payment_status": "unpaid",
                "shipping_options": [],
                "status": "open",
                "success_url": _needed(form, "success_url"),
                "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
                "ui_mode": "hosted_page",
                "url": f"{self._url}/pay/{identifier}",
                # Stripe keeps these too, and shows them nowhere here.
                "_intent_metadata": labels(intent_data),
                "_names": names,
            }
        )

    def one(self, identifier: str) -> Document:
        """A page; one whose time is up has expired. Raises RefusedError: there is none."""
        found = self._store.one(_KIND, identifier)
        if found["status"] == "open" and found["expires_at"] <= time.time():
            return self._closed(found)
        return found

    def _list(self, call: Call) -> Document:
        wanted = call.query.get("payment_intent")
        found = [self.one(each["id"]) for each in self._store.newest(_KIND)]
        kept = [each for each in found if wanted in (None, each["payment_intent"])]
        return page_of(_PATH, kept, call.query)

    def _expire(self, call: Call) -> Document:
        """Close a page that is open."""
        only(call.form)
        found = self.one(call.identifier)
        if found["status"] != "open":
            message = (
                'Only Checkout Sessions with a status in ["open"] can be expired. This Session '
                f"has a status of {found['status']}."
            )
            raise RefusedError(message, parameter="session")
        return self._closed(found)

    def pay(self, identifier: str, card: Card, *, authenticated: bool | None = None) -> Document:
        """Try a card on an open page, as the buyer does; the intent says how it went.

        Raises:
            RefusedError: the page is closed.
        """
        session = self.one(identifier)
        if session["status"] != "open":
            raise RefusedError("This Checkout Session is not open any more.")
        intent = self._intents.confirm(self._intent_of(session), card, authenticated=authenticated)
        session = {**session, "payment_intent": intent["id"]}
        if intent["status"] == "succeeded":
            session |= {"status": "complete", "payment_status": "paid", "url": None}
            self._events.announce("checkout.session.completed", session)
        self._store.put(session)
        return intent

    def _intent_of(self, session: Document) -> Document:
        """The one intent of a page, made at the first attempt."""
        if session["payment_intent"] is not None:
            return self._intents.one(session["payment_intent"])
        return self._intents.create(
            session["amount_total"], session["currency"], session["_intent_metadata"]
        )

    def _closed(self, session: Document) -> Document:
        closed = self._store.put({**session, "status": "expired", "url": None})
        self._events.announce("checkout.session.expired", closed)
        return closed


def _lines(items: Any) -> tuple[str, int, list[str]]:
    """The currency, the sum of the lines, and what they are called."""
    if not isinstance(items, list) or not items:
        raise RefusedError("Missing required param: line_items.", parameter="line_items")
    total, currencies, names = 0, set(), []
    for item in items:
        price = item.get("price_data") if isinstance(item, dict) else None
        product = price.get("product_data") if isinstance(price, dict) else None
        if price is None or not isinstance(product, dict):
            raise RefusedError("Only `price_data` is here.", parameter="line_items[0][price_data]")
        only(item, "price_data", "quantity")
        only(price, "currency", "unit_amount", "product_data")
        only(product, "name")
        total += natural(price, "unit_amount") * natural(item, "quantity")
        currencies.add(_currency(price))
        names.append(_needed(product, "name"))
    if len(currencies) != 1:
        raise RefusedError("All lines must have one currency.", parameter="line_items")
    return currencies.pop(), total, names


def _currency(price: Document) -> str:
    value = str(price.get("currency", ""))
    if not (len(value) == 3 and value.isascii() and value.isalpha() and value.islower()):  # noqa: PLR2004
        raise RefusedError(f"Invalid currency: {value[:10]}", parameter="currency")
    return value


def _needed(form: Document, name: str) -> str:
    value = short(form, name, _URL_MAX)
    if not value:
        raise RefusedError(
            f"Missing required param: {name}.", error_code="parameter_missing", parameter=name
        )
    return value


def _expiry(form: Document) -> int:
    now = int(time.time())
    if "expires_at" not in form:
        return now + _HOURS_MAX * 3600
    expiry = natural(form, "expires_at", most=_SECOND_MAX)
    if not now + _HOURS_MIN * 3600 - 60 <= expiry <= now + _HOURS_MAX * 3600:
        message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from now."
        raise RefusedError(message, parameter="expires_at")
    return expiry
