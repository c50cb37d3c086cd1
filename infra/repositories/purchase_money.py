"""The money of purchases: held for the buyer when it is there, then split, or given back.

    checkout: processor_clearing -> caster_hold -> maker_payable + platform_revenue
                                                or processor_clearing (refund)
    credit:   caster_credit      -> caster_hold -> the same, or caster_credit (void)

Each movement has a reference of its own, and a payment's state moves with it, so none happens
twice. Lock order: a purchase's payment before budgets.
"""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database, row_dict
from infra.repositories import budgets
from infra.repositories.budgets import BudgetScope
from infra.repositories.casts import refusal_of_hold
from infra.repositories.ledger import LedgerAccountName, Transfer, move_money, open_accounts
from schema.contracts.purchases import CheckoutSession, Payment, PayWith, PurchaseOrder
from schema.settlement import split

_INTEND = text(
    "INSERT INTO payments (purchase_id, account_id, provider, state, currency, amount_micros, day,"
    " month) VALUES (:id, :account_id, :provider, :state, :currency, :amount, :day, :month)"
)
_PAYMENT = (
    "SELECT m.*, p.spell_key, p.api_key_id, p.fee_basis_points, p.offer, p.expires_at,"
    " p.status AS purchase_status"
    " FROM payments m JOIN purchases p ON p.id = m.purchase_id WHERE m.purchase_id = :id"
)
_READ, _LOCK = text(_PAYMENT), text(f"{_PAYMENT} FOR UPDATE OF m, p")
_OPENED = text(
    "UPDATE payments SET state = 'open', session_id = :session_id, checkout_url = :url"
    " WHERE purchase_id = :id AND state = 'intended'"
)
_CLOSE = text(
    "UPDATE payments SET state = :state, closed_at = now(),"
    " refund_id = coalesce(:refund_id, refund_id) WHERE purchase_id = :id"
)
_PAID = text(
    "UPDATE payments SET state = 'paid', payment_intent = :payment_intent, closed_at = NULL,"
    " session_id = coalesce(session_id, :session_id) WHERE purchase_id = :id"
)
_PURCHASE_PAID = text(
    "UPDATE purchases SET status = 'paid' WHERE id = :id AND status = 'awaiting_payment'"
)
_INTEND_REFUND = text(
    "UPDATE payments SET refund_intended_at = coalesce(refund_intended_at, now())"
    " WHERE purchase_id = :id AND state = 'paid' RETURNING purchase_id"
)
_ENTITLE = text(
    "INSERT INTO entitlements (purchase_id, account_id, spell_key, version, package_digest,"
    " license_url, repository) VALUES (:id, :account_id, :spell_key, :version, :package_digest,"
    " :license_url, :repository) ON CONFLICT (purchase_id) DO NOTHING"
)
_COMPLETE = text(
    "UPDATE purchases SET status = 'completed', finished_at = now()"
    " WHERE id = :id AND status = 'paid' RETURNING id"
)


async def intend(connection: AsyncConnection, order: PurchaseOrder) -> None:
    """Write down what is to be paid; of credit, hold it under every cap.

    Raises:
        SpellError: PAYMENT_REQUIRED, BUDGET_CAP_EXCEEDED.
    """
    request, offer = order.request, order.offer
    scope = BudgetScope.of_today(request.account_id, request.api_key_id, offer.currency)
    by_credit = request.pay_with is PayWith.CREDIT
    if by_credit:
        states = await budgets.lock(connection, scope)
        refusal = refusal_of_hold(states, offer.price_micros, None, offer.currency)
        if refusal is not None:
            raise refusal.to_error()
        await budgets.move(connection, scope, held=offer.price_micros)
    await connection.execute(
        _INTEND,
        {
            "id": request.purchase_id,
            "account_id": request.account_id,
            "provider": request.pay_with,
            "state": "paid" if by_credit else "intended",
            "currency": offer.currency,
            "amount": offer.price_micros,
            "day": scope.day,
            "month": scope.month,
        },
    )
    if by_credit:
        credit, held = _buyers(request.account_id, offer.currency)
        await open_accounts(connection, [credit, held])
        reference = f"{request.purchase_id}:hold"
        await move_money(
            connection, [Transfer(reference, "hold", credit, held, offer.price_micros)]
        )
        await connection.execute(_PURCHASE_PAID, {"id": request.purchase_id})


async def grant(connection: AsyncConnection, order: PurchaseOrder) -> bool:
    """Entitle the buyer, pay maker and platform, complete the purchase; a second time: nothing.

    Returns:
        Whether the purchase was completed by this call.
    """
    request, offer = order.request, order.offer
    row = (await connection.execute(_LOCK, {"id": request.purchase_id})).one_or_none()
    await connection.execute(
        _ENTITLE,
        {
            "id": request.purchase_id,
            "account_id": request.account_id,
            "spell_key": request.spell_key,
            "version": offer.version,
            "package_digest": offer.package_digest,
            "license_url": offer.license_url,
            "repository": request.repository,
        },
    )
    if row is not None and row.state != "posted":
        assert row.state == "paid", "only what is paid is granted"
        assert row.refund_intended_at is None, "what goes back is not granted"
        await _post(connection, row, offer.maker_account_id)
    completed = await connection.execute(_COMPLETE, {"id": request.purchase_id})
    return completed.first() is not None


async def _post(connection: AsyncConnection, row: Any, maker_account_id: str) -> None:
    share, fee = split(row.amount_micros, row.fee_basis_points)
    _, held = _buyers(row.account_id, row.currency)
    maker = LedgerAccountName("maker_payable", maker_account_id, row.currency)
    platform = LedgerAccountName("platform_revenue", None, row.currency)
    await open_accounts(connection, [held, maker, platform])
    await move_money(
        connection,
        [
            Transfer(f"{row.purchase_id}:post", "post", held, maker, share),
            Transfer(f"{row.purchase_id}:fee", "fee", held, platform, fee),
        ],
    )
    if row.provider == PayWith.CREDIT:
        amount = row.amount_micros
        await budgets.move(connection, _scope(row), held=-amount, posted=amount)
    await _close(connection, row.purchase_id, "posted")


class PostgresPayments:
    """What is known of payments here, whatever their provider. Fits the port `PaymentRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def payment(self, purchase_id: str) -> Payment | None:
        """The payment of a purchase; None where there is nothing to pay."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_READ, {"id": purchase_id})).one_or_none()
        if row is None:
            return None
        known = Payment.model_fields.keys()
        return Payment.model_validate(
            {name: value for name, value in row_dict(row).items() if name in known}
        )

    async def opened(self, purchase_id: str, session: CheckoutSession) -> None:
        """Keep which page the provider made; the first one counts."""
        parameters = {"id": purchase_id, "session_id": session.session_id, "url": session.url}
        async with self._database.transaction() as connection:
            await connection.execute(_OPENED, parameters)

    async def paid(self, purchase_id: str, session: CheckoutSession) -> None:
        """Take the provider's money in for the buyer, once."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(_LOCK, {"id": purchase_id})).one()
            if row.state not in ("intended", "open", "released"):
                return
            assert (session.amount_micros, session.currency) == (row.amount_micros, row.currency)
            _, held = _buyers(row.account_id, row.currency)
            clearing = LedgerAccountName("processor_clearing", None, row.currency)
            await open_accounts(connection, [held, clearing])
            reference = f"{purchase_id}:payment"
            await move_money(
                connection, [Transfer(reference, "payment", clearing, held, row.amount_micros)]
            )
            parameters = {
                "id": purchase_id,
                "payment_intent": session.payment_intent,
                "session_id": session.session_id,
            }
            await connection.execute(_PAID, parameters)
            await connection.execute(_PURCHASE_PAID, {"id": purchase_id})

    async def intend_refund(self, purchase_id: str) -> bool:
        """Write down that the provider is going to be asked to give the money back.

        From then on the copy cannot be granted. False: the money is not held any more.
        """
        async with self._database.transaction() as connection:
            intended = await connection.execute(_INTEND_REFUND, {"id": purchase_id})
            return intended.first() is not None

    async def refunded(self, purchase_id: str, refund_id: str | None) -> None:
        """Record that the money went back where it came from, once."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(_LOCK, {"id": purchase_id})).one()
            if row.state != "paid":
                return
            credit, held = _buyers(row.account_id, row.currency)
            clearing = LedgerAccountName("processor_clearing", None, row.currency)
            await open_accounts(connection, [credit, held, clearing])
            by_credit = row.provider == PayWith.CREDIT
            kind, back = ("void", credit) if by_credit else ("refund", clearing)
            reference = f"{purchase_id}:{kind}"
            await move_money(connection, [Transfer(reference, kind, held, back, row.amount_micros)])
            if by_credit:
                await budgets.move(connection, _scope(row), held=-row.amount_micros)
            await _close(connection, purchase_id, "refunded", refund_id)

    async def released(self, purchase_id: str) -> None:
        """Record that nothing was paid, and that the provider takes nothing any more."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(_LOCK, {"id": purchase_id})).one_or_none()
            if row is not None and row.state in ("intended", "open"):
                await _close(connection, purchase_id, "released")


async def _close(
    connection: AsyncConnection, purchase_id: str, state: str, refund_id: str | None = None
) -> None:
    parameters = {"id": purchase_id, "state": state, "refund_id": refund_id}
    await connection.execute(_CLOSE, parameters)


def _scope(row: Any) -> BudgetScope:
    return BudgetScope(row.account_id, row.api_key_id, row.currency, row.day, row.month)


def _buyers(account_id: str, currency: str) -> tuple[LedgerAccountName, LedgerAccountName]:
    """The buyer's credit, and what is held for them."""
    return (
        LedgerAccountName("caster_credit", account_id, currency),
        LedgerAccountName("caster_hold", account_id, currency),
    )
