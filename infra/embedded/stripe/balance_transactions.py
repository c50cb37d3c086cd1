"""BalanceTransactions: what a charge brings after Stripe's fee, and what a refund takes."""

import secrets
import time

from infra.embedded.stripe.calls import Call, Document, Endpoint
from infra.embedded.stripe.lists import page_of
from infra.embedded.stripe.store import Store

_KIND = "balance_transaction"
_PATH = "/v1/balance_transactions"
# Stripe's price for cards in the US: 2.9 % and 30 cents.
_FEE_PER_THOUSAND, _FEE_FIXED = 29, 30


class BalanceTransactions:
    """The resource `balance_transactions`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def endpoints(self) -> list[Endpoint]:
        """All that can be asked of them."""
        return [
            Endpoint("GET", _PATH, self._list),
            Endpoint("GET", f"{_PATH}/{{id}}", self._get),
        ]

    def _get(self, call: Call) -> Document:
        return self._store.one(_KIND, call.identifier)

    def _list(self, call: Call) -> Document:
        source, found = call.query.get("source"), self._store.newest(_KIND)
        return page_of(
            _PATH, [each for each in found if source in (None, each["source"])], call.query
        )

    def of_charge(self, charge_id: str, amount: int, currency: str) -> str:
        """What a charge brings; the transaction's id."""
        fee = amount * _FEE_PER_THOUSAND // 1000 + _FEE_FIXED
        detail = {"amount": fee, "application": None, "currency": currency}
        details = [{**detail, "description": "Stripe processing fees", "type": "stripe_fee"}]
        return self._keep("charge", charge_id, currency, amount=amount, fee=fee, details=details)

    def of_refund(self, refund_id: str, amount: int, currency: str) -> str:
        """What a refund takes; its fee stays with Stripe. The transaction's id."""
        return self._keep("refund", refund_id, currency, amount=-amount, fee=0, details=[])

    def _keep(
        self,
        kind: str,
        source: str,
        currency: str,
        *,
        amount: int,
        fee: int,
        details: list[Document],
    ) -> str:
        now = int(time.time())
        transaction = self._store.put(
            {
                "id": f"txn_{secrets.token_hex(12)}",
                "object": _KIND,
                "amount": amount,
                "available_on": now,
                "balance_type": "payments",
                "created": now,
                "currency": currency,
                "description": None,
                "exchange_rate": None,
                "fee": fee,
                "fee_details": details,
                "net": amount - fee,
                "reporting_category": kind,
                "source": source,
                "status": "available",
                "type": kind,
            }
        )
        return str(transaction["id"])
