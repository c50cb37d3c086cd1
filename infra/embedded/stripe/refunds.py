"""Refunds: never more than what is left of a payment."""

import secrets
import time
from collections.abc import Mapping

from infra.embedded.stripe.events import announce
from infra.embedded.stripe.faults import Faults
from infra.embedded.stripe.forms import natural, only
from infra.embedded.stripe.lists import page_of
from infra.embedded.stripe.refusal import RefusedError, missing
from infra.embedded.stripe.store import Document, Store

PATH = "/v1/refunds"


class Refunds:
    """The resource `refunds`."""

    def __init__(self, store: Store, faults: Faults) -> None:
        self._store = store
        self._faults = faults

    def create(self, form: Document) -> Document:
        """Give back all or part of what is left."""
        only(form, "payment_intent", "amount", "metadata", "reason")
        charge = self._charge_of(str(form.get("payment_intent", "")))
        left = charge["amount"] - charge["amount_refunded"]
        if not left:
            message = f"Charge {charge['id']} has already been refunded."
            raise RefusedError(message, code="charge_already_refunded")
        amount = natural(form, "amount") if "amount" in form else left
        if amount > left:
            message = f"Refund amount ({amount}) is greater than unrefunded amount on charge"
            raise RefusedError(f"{message} ({left})", parameter="amount")
        done = charge["amount_refunded"] + amount
        self._store.put({**charge, "amount_refunded": done, "refunded": done == charge["amount"]})
        refund = self._store.put(
            {
                "id": f"re_{secrets.token_hex(12)}",
                "object": "refund",
                "amount": amount,
                "balance_transaction": None,
                "charge": charge["id"],
                "created": int(time.time()),
                "currency": charge["currency"],
                "metadata": form.get("metadata", {}),
                "payment_intent": charge["payment_intent"],
                "reason": form.get("reason"),
                "receipt_number": None,
                "source_transfer_reversal": None,
                "status": "succeeded",
                "transfer_reversal": None,
            }
        )
        announce(self._store, self._faults, "refund.created", refund)
        return refund

    def get(self, identifier: str) -> Document:
        """One refund."""
        found = self._store.get("refund", identifier)
        if found is None:
            raise missing("refund", identifier)
        return found

    def newest(self, query: Mapping[str, str]) -> Document:
        """A page of the list, of one payment if asked."""
        wanted = query.get("payment_intent")
        found = self._store.newest("refund")
        kept = [each for each in found if wanted in (None, each["payment_intent"])]
        return page_of(PATH, kept, query)

    def _charge_of(self, intent_id: str) -> Document:
        intent = self._store.get("payment_intent", intent_id)
        charge = intent and self._store.get("charge", intent["latest_charge"])
        if not charge:
            raise missing("payment_intent", intent_id)
        return charge
