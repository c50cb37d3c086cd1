"""Refunds: never more than what is left of a payment."""

import secrets
import time

from infra.embedded.stripe.balance_transactions import BalanceTransactions
from infra.embedded.stripe.calls import Call, Document, Endpoint
from infra.embedded.stripe.cards import CARDS
from infra.embedded.stripe.charges import Charges
from infra.embedded.stripe.events import Events
from infra.embedded.stripe.forms import labels, natural, one_of, only
from infra.embedded.stripe.lists import page_of
from infra.embedded.stripe.refusal import RefusedError
from infra.embedded.stripe.store import Store

_KIND = "refund"
_PATH = "/v1/refunds"
_REASONS = ("duplicate", "fraudulent", "requested_by_customer")
_NOTHING = (
    *("customer", "customer_account", "receipt_number", "source_transfer_reversal"),
    "transfer_reversal",
)


class Refunds:
    """The resource `refunds`."""

    def __init__(
        self, store: Store, events: Events, charges: Charges, balance: BalanceTransactions
    ) -> None:
        self._store = store
        self._events = events
        self._charges = charges
        self._balance = balance

    def endpoints(self) -> list[Endpoint]:
        """All that can be asked of refunds."""
        return [
            Endpoint("POST", _PATH, self._create),
            Endpoint("GET", _PATH, self._list),
            Endpoint("GET", f"{_PATH}/{{id}}", self._get),
        ]

    def _get(self, call: Call) -> Document:
        return self._settled(self._store.one(_KIND, call.identifier))

    def _list(self, call: Call) -> Document:
        wanted, found = call.query.get("payment_intent"), self._store.newest(_KIND)
        kept = [each for each in found if wanted in (None, each["payment_intent"])]
        return page_of(_PATH, [self._settled(each) for each in kept], call.query)

    def _create(self, call: Call) -> Document:
        """Give back all or part of what is left."""
        form = call.form
        only(form, "payment_intent", "charge", "amount", "metadata", "reason")
        charge = self._charge_of(form)
        amount = _amount(form, charge)
        identifier = f"re_{secrets.token_hex(12)}"
        refund = self._store.put(
            {
                **dict.fromkeys(_NOTHING),
                "id": identifier,
                "object": _KIND,
                "amount": amount,
                "balance_transaction": self._balance.of_refund(
                    identifier, amount, charge["currency"]
                ),
                "charge": charge["id"],
                "created": int(time.time()),
                "currency": charge["currency"],
                "destination_details": {"card": {"type": "refund"}, "type": "card"},
                "metadata": labels(form),
                "payment_intent": charge["payment_intent"],
                "payment_method": charge["payment_method"],
                "reason": one_of(form, "reason", *_REASONS),
                "status": "succeeded",
            }
        )
        self._charges.refund(charge, amount)
        self._events.announce("refund.created", refund)
        return refund

    def _settled(self, refund: Document) -> Document:
        """A refund as it turned out: of some cards it fails once somebody looks again."""
        method = self._store.get("payment_method", str(refund["payment_method"]))
        card = CARDS.get(str(method and method["_number"]))
        if refund["status"] != "succeeded" or card is None or not card.refund_fails:
            return refund
        failed = {"status": "failed", "failure_reason": "expired_or_canceled_card"}
        self._charges.unrefund(refund["charge"], refund["amount"])
        kept = self._store.put({**refund, **failed})
        self._events.announce("refund.failed", kept)
        return kept

    def _charge_of(self, form: Document) -> Document:
        if "charge" in form:
            return self._store.one("charge", str(form["charge"]))
        intent = self._store.one("payment_intent", str(form.get("payment_intent", "")))
        if intent["status"] != "succeeded":
            message = f"This PaymentIntent ({intent['id']}) does not have a successful charge."
            raise RefusedError(message, error_code="payment_intent_unexpected_state")
        return self._store.one("charge", intent["latest_charge"])


def _amount(form: Document, charge: Document) -> int:
    """What to give back: what is asked for, or all that is left. Raises RefusedError."""
    if not charge["paid"]:
        raise RefusedError(f"Charge {charge['id']} was not paid.", parameter="charge")
    left = int(charge["amount"] - charge["amount_refunded"])
    if not left:
        message = f"Charge {charge['id']} has already been refunded."
        raise RefusedError(message, error_code="charge_already_refunded")
    amount = natural(form, "amount") if "amount" in form else left
    if amount > left:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise RefusedError(message, parameter="amount")
    return amount
