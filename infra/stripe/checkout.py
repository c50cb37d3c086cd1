"""Payments by Stripe's Checkout. Fits the port `Payments`.

Every call that changes something carries an Idempotency-Key that derives from the purchase's id, so
that a repetition is the same call (`infra/stripe/asking.py`). Stripe forgets keys after a day or
more (decision 20): what was intended longer ago than that is looked for by the id that it carries
before it is asked for again.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import stripe

from infra.stripe.asking import asked, away, every, once
from infra.stripe.http import FormBodies
from schema.contracts.purchases import CheckoutSession, Payment
from schema.errors import SpellError
from schema.payment_amounts import micros_of, minor_units

_SECONDS_MAX = 12
_KEYS_ARE_KEPT = timedelta(hours=12)
# Clocks differ; what was intended is looked for from a little earlier.
_SKEW = timedelta(minutes=5)
_PURCHASE = "purchase_id"
_ALREADY_REFUNDED = "charge_already_refunded"


class StripeCheckout:
    """Checkout Sessions, one for each purchase.

    Args:
        url: Stripe's API.
        key: the secret key.
        public_url: of the platform's api, where buyers come back to.
    """

    def __init__(self, *, url: str, key: str, public_url: str) -> None:
        self._public_url = public_url.rstrip("/")
        self._client = stripe.StripeClient(
            key,
            base_addresses={"api": url.rstrip("/")},
            http_client=FormBodies(timeout=_SECONDS_MAX),
            # Retries are the workflow's: they must look before they ask again.
            max_network_retries=0,
        )

    async def open_checkout(self, payment: Payment) -> CheckoutSession:
        """The one page of this payment. Raises SpellError: SERVICE_UNAVAILABLE, MODE_UNAVAILABLE.

        It is the one page since nobody is told of another: of two that a key that failed for good
        may have left, only the answer's address is known to anybody.
        """
        if _is_old(payment.intended_at):
            found = await self._listed(payment)
            if found is not None:
                return found
        page = self._page(payment)

        async def create(key: str) -> CheckoutSession:
            sessions = self._client.v1.checkout.sessions
            options: Any = {"idempotency_key": key}
            return _session(await sessions.create_async(params=page, options=options))

        try:
            return await once(
                f"{payment.purchase_id}:checkout", create, lambda: self._listed(payment)
            )
        except stripe.InvalidRequestError as error:
            message = "Stripe takes no such payment on this installation: pay with credit."
            raise SpellError("MODE_UNAVAILABLE", message) from error

    def _page(self, payment: Payment) -> Any:
        """What the page asks for. Only what the record of the intent says: repeats are equal."""
        amount = minor_units(payment.amount_micros, payment.currency)
        label = {_PURCHASE: payment.purchase_id}
        return {
            "mode": "payment",
            # A card is paid or not when its page closes; a debit may be paid days after that.
            "payment_method_types": ["card"],
            "client_reference_id": payment.purchase_id,
            "metadata": label,
            "payment_intent_data": {"metadata": label},
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": payment.currency.lower(),
                        "unit_amount": amount,
                        "product_data": {"name": f"Template {payment.spell_key}"},
                    },
                }
            ],
            "expires_at": int(payment.expires_at.timestamp()),
            "success_url": f"{self._public_url}/v1/checkout/paid",
            "cancel_url": f"{self._public_url}/v1/checkout/cancelled",
        }

    async def look_up(self, payment: Payment) -> CheckoutSession | None:
        """The page as Stripe has it; None when it has none. Raises SERVICE_UNAVAILABLE."""
        if payment.session_id is None:
            return await self._listed(payment)
        return _session(
            await asked(self._client.v1.checkout.sessions.retrieve_async(payment.session_id))
        )

    async def expire(self, payment: Payment) -> CheckoutSession | None:
        """Close the page; the answer says whether it was paid before. SERVICE_UNAVAILABLE."""
        found = await self.look_up(payment)
        if found is None or found.status != "open":
            return found
        try:
            closed = await asked(self._client.v1.checkout.sessions.expire_async(found.session_id))
        except stripe.InvalidRequestError:
            # It was paid, or expired by itself, between the two calls.
            return await self.look_up(payment)
        return _session(closed)

    async def refund(self, payment: Payment) -> str:
        """Give all of it back, once; the refund's id. Raises SpellError: SERVICE_UNAVAILABLE."""
        assert payment.payment_intent is not None, "only what was paid is given back"
        if payment.refund_intended_at is not None:
            found = await self._refund_of(payment)
            if found is not None:
                return found

        async def create(key: str) -> str:
            # No amount: all that is left, and Stripe never gives back more than was paid.
            params: Any = {
                "payment_intent": payment.payment_intent,
                "metadata": {_PURCHASE: payment.purchase_id},
            }
            options: Any = {"idempotency_key": key}
            made = await self._client.v1.refunds.create_async(params=params, options=options)
            return str(made.id)

        try:
            return await once(
                f"{payment.purchase_id}:refund", create, lambda: self._refund_of(payment)
            )
        except stripe.InvalidRequestError as error:
            return await self._given_back_already(payment, error)

    async def _refund_of(self, payment: Payment) -> str | None:
        """The refund that was made for this purchase; None when there is none."""
        async for refund in self._refunds(payment):
            if refund.metadata and refund.metadata.to_dict().get(_PURCHASE) == payment.purchase_id:
                return str(refund.id)
        return None

    async def _given_back_already(self, payment: Payment, error: stripe.InvalidRequestError) -> str:
        """The refund that somebody made by hand. Raises SpellError: there is none."""
        if error.code == _ALREADY_REFUNDED:
            async for refund in self._refunds(payment):
                return str(refund.id)
        raise away(error) from error

    async def _refunds(self, payment: Payment) -> AsyncIterator[Any]:
        """The refunds of a payment that did not fail, the newest first."""
        query: Any = {"payment_intent": payment.payment_intent, "limit": 100}
        page = await asked(self._client.v1.refunds.list_async(params=query))
        async for refund in every(page):
            if refund.status not in ("failed", "canceled"):
                yield refund

    async def _listed(self, payment: Payment) -> CheckoutSession | None:
        """The page by our own id, among those made since the payment was intended."""
        since = int((payment.intended_at - _SKEW).timestamp())
        query: Any = {"created": {"gte": since}, "limit": 100}
        page = await asked(self._client.v1.checkout.sessions.list_async(params=query))
        async for session in every(page):
            if session.client_reference_id == payment.purchase_id:
                return _session(session)
        return None


def _is_old(moment: datetime) -> bool:
    return datetime.now(UTC) - moment > _KEYS_ARE_KEPT


def _session(session: Any) -> CheckoutSession:
    currency = str(session.currency).upper()
    intent = session.payment_intent
    return CheckoutSession(
        session_id=session.id,
        url=session.url,
        status=session.status,
        paid=session.payment_status == "paid",
        payment_intent=intent if isinstance(intent, str) or intent is None else intent.id,
        amount_micros=micros_of(session.amount_total, currency),
        currency=currency,
    )
