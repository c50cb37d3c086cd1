"""The money of a purchase: a page to pay on, what became of it, and the way back."""

from temporalio import activity

from activities._failures import to_failure
from activities.payment_ports import PaymentRecords, Payments
from schema.contracts.purchases import (
    CheckoutSession,
    Payment,
    PaymentState,
    PayWith,
    PurchaseOrder,
)
from schema.errors import SpellError


class PayingActivities:
    """Steps about payments.

    Args:
        records: what we know of them.
        provider: where buyers pay; None where nothing is sold for money.
    """

    def __init__(self, records: PaymentRecords, provider: Payments | None) -> None:
        self._records = records
        self._configured_provider = provider

    @activity.defn(name="paying.open")
    async def open(self, order: PurchaseOrder) -> PaymentState | None:
        """Open the page on which the buyer pays; credit was held already, and free is free.

        Effect: one page at the provider, and its address on record; the intent was there before.
        Same twice: the same page; its key at the provider is the purchase's id.
        Gives up on: MODE_UNAVAILABLE, nothing is sold for money here.
        Heartbeat: none; one call with its time limit.
        """
        payment = await self._records.payment(order.request.purchase_id)
        if payment is None or payment.state is not PaymentState.INTENDED:
            return None if payment is None else payment.state
        try:
            session = await self._provider.open_checkout(payment)
        except SpellError as error:
            raise to_failure(error, for_good=error.code == "MODE_UNAVAILABLE") from error
        await self._records.opened(payment.purchase_id, session)
        return PaymentState.OPEN

    @activity.defn(name="paying.look")
    async def look(self, order: PurchaseOrder) -> PaymentState:
        """Whether the page is paid now: the provider's word, whatever a webhook said.

        Effect: the payment on record and in the ledger, once; released when the page expired.
        Same twice: the same.
        Gives up on: nothing; the workflow looks again.
        Heartbeat: none.
        """
        payment = await self._known(order.request.purchase_id)
        if payment.state is not PaymentState.OPEN:
            return payment.state
        session = await self._ask(payment, close=False)
        state = await self._take(payment, session)
        if state is PaymentState.OPEN and session is not None and session.status == "expired":
            await self._records.released(payment.purchase_id)
            return PaymentState.RELEASED
        return state

    @activity.defn(name="paying.close")
    async def close(self, order: PurchaseOrder) -> PaymentState:
        """Close the page, so that nobody pays on it any more; a payment before that counts.

        Effect: the page is expired; the payment is released, or on record as paid.
        Same twice: the same.
        Gives up on: nothing: whether it was paid must be known.
        Heartbeat: none.
        """
        payment = await self._known(order.request.purchase_id)
        if payment.state not in (PaymentState.INTENDED, PaymentState.OPEN):
            return payment.state
        state = await self._take(payment, await self._ask(payment, close=True))
        if state is not PaymentState.PAID:
            await self._records.released(payment.purchase_id)
            return PaymentState.RELEASED
        return state

    @activity.defn(name="paying.give_back")
    async def give_back(self, purchase_id: str) -> PaymentState | None:
        """Undo whatever was done about money: close the page, and give back what was paid.

        Effect: one full refund at most; its intent is written down first.
        Same twice: the same refund, found by the purchase's id.
        Gives up on: nothing: money goes back however long it takes.
        Heartbeat: none.
        """
        payment = await self._records.payment(purchase_id)
        if payment is None or payment.state in (PaymentState.POSTED, PaymentState.REFUNDED):
            return None if payment is None else payment.state
        if payment.state is not PaymentState.PAID:
            if await self._take(payment, await self._ask(payment, close=True)) is not (
                PaymentState.PAID
            ):
                await self._records.released(purchase_id)
                return PaymentState.RELEASED
            payment = await self._known(purchase_id)
        if await self._records.intend_refund(purchase_id):
            refund_id = None
            if payment.provider is PayWith.CHECKOUT:
                refund_id = await self._provider.refund(payment)
            await self._records.refunded(purchase_id, refund_id)
        return (await self._known(purchase_id)).state

    async def _ask(self, payment: Payment, *, close: bool) -> CheckoutSession | None:
        provider = self._configured_provider
        if provider is None:
            # Where nothing is sold for money, no page was ever opened.
            return None
        return await (provider.expire(payment) if close else provider.look_up(payment))

    async def _take(self, payment: Payment, session: CheckoutSession | None) -> PaymentState:
        """Record what the provider says."""
        if session is not None and session.paid:
            await self._records.paid(payment.purchase_id, session)
            return PaymentState.PAID
        return payment.state

    async def _known(self, purchase_id: str) -> Payment:
        payment = await self._records.payment(purchase_id)
        assert payment is not None, "only what is to be paid is looked at"
        return payment

    @property
    def _provider(self) -> Payments:
        if self._configured_provider is None:
            message = "Nothing is sold by Checkout on this installation: pay with credit."
            raise SpellError("MODE_UNAVAILABLE", message)
        return self._configured_provider
