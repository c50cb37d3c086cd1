"""Charges: each attempt to take money with a card, taken or declined."""

import secrets
import time

from infra.embedded.stripe.balance_transactions import BalanceTransactions
from infra.embedded.stripe.calls import Call, Document, Endpoint
from infra.embedded.stripe.cards import Card, Refused
from infra.embedded.stripe.events import Events
from infra.embedded.stripe.lists import page_of
from infra.embedded.stripe.payment_methods import billing_details, card_details
from infra.embedded.stripe.store import Store

_KIND = "charge"
_PATH = "/v1/charges"
_NOTHING = (
    *("application", "application_fee", "application_fee_amount", "customer", "description"),
    *("failure_balance_transaction", "on_behalf_of", "receipt_email", "receipt_number"),
    *("receipt_url", "refunds", "review", "shipping", "source", "source_transfer"),
    *("statement_descriptor", "statement_descriptor_suffix", "transfer_data", "transfer_group"),
)


class Charges:
    """The resource `charges`."""

    def __init__(self, store: Store, events: Events, balance: BalanceTransactions) -> None:
        self._store = store
        self._events = events
        self._balance = balance

    def endpoints(self) -> list[Endpoint]:
        """All that can be asked of charges."""
        return [
            Endpoint("GET", _PATH, self._list),
            Endpoint("GET", f"{_PATH}/{{id}}", self._get),
        ]

    def _get(self, call: Call) -> Document:
        return self._store.one(_KIND, call.identifier)

    def _list(self, call: Call) -> Document:
        wanted, found = call.query.get("payment_intent"), self._store.newest(_KIND)
        kept = [each for each in found if wanted in (None, each["payment_intent"])]
        return page_of(_PATH, kept, call.query)

    def attempt(self, intent: Document, method: Document, card: Card) -> Document:
        """Take the money of an intent with a card, or be declined."""
        charge_id, amount = f"ch_{secrets.token_hex(12)}", intent["amount"]
        taken, transaction = card.refused is None, None
        if taken:
            transaction = self._balance.of_charge(charge_id, amount, intent["currency"])
        charge = self._store.put(
            {
                **dict.fromkeys(_NOTHING),
                "id": charge_id,
                "object": _KIND,
                "amount": amount,
                "amount_captured": amount if taken else 0,
                "amount_refunded": 0,
                "balance_transaction": transaction,
                "billing_details": billing_details(),
                "calculated_statement_descriptor": "LOCAL STRIPE",
                "captured": taken,
                "created": int(time.time()),
                "currency": intent["currency"],
                "disputed": False,
                "failure_code": card.refused.code if card.refused else None,
                "failure_message": card.refused.message if card.refused else None,
                "fraud_details": {},
                "livemode": False,
                "metadata": intent["metadata"],
                "outcome": _outcome(card.refused),
                "paid": taken,
                "payment_intent": intent["id"],
                "payment_method": method["id"],
                "payment_method_details": card_details(card),
                "refunded": False,
                "status": "succeeded" if taken else "failed",
            }
        )
        self._events.announce("charge.succeeded" if taken else "charge.failed", charge)
        return charge

    def refund(self, charge: Document, amount: int) -> None:
        """Note that so much more of a charge went back."""
        done = charge["amount_refunded"] + amount
        changed = {"amount_refunded": done, "refunded": done == charge["amount"]}
        self._events.announce("charge.refunded", self._store.put({**charge, **changed}))

    def unrefund(self, charge_id: str, amount: int) -> None:
        """Note that so much of what went back did not arrive."""
        charge = self._store.one(_KIND, charge_id)
        left = charge["amount_refunded"] - amount
        self._store.put({**charge, "amount_refunded": left, "refunded": False})


def _outcome(refused: Refused | None) -> Document:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network" if refused else "approved_by_network",
        "reason": refused.decline_code or refused.code if refused else None,
        "seller_message": "The bank declined the payment." if refused else "Payment complete.",
        "type": "issuer_declined" if refused else "authorized",
    }
