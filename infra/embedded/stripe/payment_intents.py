"""PaymentIntents: from a page's first attempt until its money is taken."""

import secrets
import time

from infra.embedded.stripe.calls import Call, Document, Endpoint, shown
from infra.embedded.stripe.cards import Card, Refused
from infra.embedded.stripe.charges import Charges
from infra.embedded.stripe.events import Events
from infra.embedded.stripe.lists import page_of
from infra.embedded.stripe.payment_methods import PaymentMethods
from infra.embedded.stripe.store import Store

_KIND = "payment_intent"
_PATH = "/v1/payment_intents"
_NOTHING = (
    *("application", "application_fee_amount", "automatic_payment_methods", "canceled_at"),
    *("cancellation_reason", "customer", "customer_account", "description"),
    *("excluded_payment_method_types", "last_payment_error", "latest_charge", "managed_payments"),
    *("next_action", "on_behalf_of", "payment_method", "payment_method_configuration_details"),
    *("processing", "receipt_email", "review", "setup_future_usage", "shipping", "source"),
    *("statement_descriptor", "statement_descriptor_suffix", "transfer_data", "transfer_group"),
)
_NOT_AUTHENTICATED = Refused(
    "payment_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method.",
)


class PaymentIntents:
    """The resource `payment_intents`."""

    def __init__(
        self, store: Store, events: Events, methods: PaymentMethods, charges: Charges
    ) -> None:
        self._store = store
        self._events = events
        self._methods = methods
        self._charges = charges

    def endpoints(self) -> list[Endpoint]:
        """All that can be asked of intents."""
        return [
            Endpoint("GET", _PATH, self._list),
            Endpoint("GET", f"{_PATH}/{{id}}", self._get),
        ]

    def _get(self, call: Call) -> Document:
        return self.one(call.identifier)

    def _list(self, call: Call) -> Document:
        return page_of(_PATH, self._store.newest(_KIND), call.query)

    def one(self, identifier: str) -> Document:
        """An intent. Raises RefusedError: there is none."""
        return self._store.one(_KIND, identifier)

    def create(self, amount: int, currency: str, metadata: Document) -> Document:
        """Intend to take an amount, in minor units."""
        identifier = f"pi_{secrets.token_hex(12)}"
        intent = self._store.put(
            {
                **dict.fromkeys(_NOTHING),
                "id": identifier,
                "object": _KIND,
                "amount": amount,
                "amount_capturable": 0,
                "amount_details": {"tip": {}},
                "amount_received": 0,
                "capture_method": "automatic",
                "client_secret": f"{identifier}_secret_{secrets.token_hex(8)}",
                "confirmation_method": "automatic",
                "created": int(time.time()),
                "currency": currency,
                "livemode": False,
                "metadata": metadata,
                "payment_method_options": {},
                "payment_method_types": ["card"],
                "status": "requires_payment_method",
            }
        )
        self._events.announce("payment_intent.created", intent)
        return intent

    def confirm(self, intent: Document, card: Card, *, authenticated: bool | None) -> Document:
        """Try a card: `succeeded`, `requires_action` or `requires_payment_method` afterwards.

        Args:
            intent: what is to be taken.
            card: with what.
            authenticated: what its holder did when asked; None: nobody asked yet.
        """
        if card.authenticates and authenticated is None:
            action = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
            waiting = {**intent, "status": "requires_action", "next_action": action}
            self._events.announce("payment_intent.requires_action", self._store.put(waiting))
            return waiting
        method = self._methods.create(card)
        if card.authenticates and not authenticated:
            return self._failed(intent, _NOT_AUTHENTICATED, method, None)
        charge = self._charges.attempt(intent, method, card)
        if card.refused is not None:
            return self._failed(intent, card.refused, method, charge["id"])
        paid = {
            "amount_received": intent["amount"],
            "last_payment_error": None,
            "latest_charge": charge["id"],
            "next_action": None,
            "payment_method": method["id"],
            "status": "succeeded",
        }
        return self._announced("payment_intent.succeeded", {**intent, **paid})

    def _failed(
        self, intent: Document, refused: Refused, method: Document, charge_id: str | None
    ) -> Document:
        error = {
            "type": "card_error",
            "code": refused.code,
            "message": refused.message,
            "payment_method": shown(method),
            **({"charge": charge_id} if charge_id else {}),
            **({"decline_code": refused.decline_code} if refused.decline_code else {}),
        }
        declined = {
            "last_payment_error": error,
            "latest_charge": charge_id or intent["latest_charge"],
            "next_action": None,
            "payment_method": None,
            "status": "requires_payment_method",
        }
        return self._announced("payment_intent.payment_failed", {**intent, **declined})

    def _announced(self, kind: str, intent: Document) -> Document:
        self._events.announce(kind, self._store.put(intent))
        return intent
