"""Purchases as records: what was bought, and how far it is. Fits the port `PurchaseRecords`."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from infra.postgres import Database, as_jsonb
from infra.repositories import purchase_money
from infra.repositories.purchase_events import tell_of_end
from schema.contracts.problem import Problem
from schema.contracts.purchases import (
    EndOrder,
    OpenOrder,
    PurchaseInput,
    PurchaseOffer,
    PurchaseOrder,
    PurchaseView,
    RefuseOrder,
)
from schema.errors import SpellError

_RECORD = text(
    "INSERT INTO purchases (id, account_id, api_key_id, fingerprint, request, spell_key, offer,"
    " status, problem, fee_basis_points, expires_at, finished_at)"
    " VALUES (:id, :account_id, :api_key_id, :fingerprint, CAST(:request AS jsonb), :spell_key,"
    " CAST(:offer AS jsonb), :status, CAST(:problem AS jsonb), :fee, :expires_at, :finished_at)"
    " ON CONFLICT (id) DO NOTHING RETURNING id"
)
_RECORDED = text("SELECT fingerprint, problem FROM purchases WHERE id = :id")
_END = text(
    "UPDATE purchases SET status = :status, problem = CAST(:problem AS jsonb),"
    " finished_at = now() WHERE id = :id AND finished_at IS NULL RETURNING id"
)
_INTEND = text(
    "UPDATE purchases SET generation_intended_at = now()"
    " WHERE id = :id AND generation_intended_at IS NULL RETURNING generation_intended_at"
)
_INTENDED = text("SELECT generation_intended_at FROM purchases WHERE id = :id")
# One after the other within an account, so that of two that find the same copy one has it.
_LOCK_BUYER = text(
    "SELECT a.id FROM accounts a JOIN purchases p ON p.account_id = a.id WHERE p.id = :id"
    " FOR NO KEY UPDATE OF a"
)
# A copy that was made since this one was going to be is that of whoever was at it then.
_GENERATED = text(
    "UPDATE purchases p SET repository_url = :url WHERE p.id = :id AND NOT EXISTS ("
    "SELECT 1 FROM purchases o WHERE o.account_id = p.account_id AND o.id <> p.id"
    " AND o.repository_url = :url"
    " AND (o.finished_at IS NULL OR o.finished_at > p.generation_intended_at)) RETURNING p.id"
)
_SET_UP = text("UPDATE purchases SET pull_request_url = :url WHERE id = :id")
_UNRESOLVED = text(
    "SELECT p.id FROM purchases p LEFT JOIN payments m ON m.purchase_id = p.id"
    " WHERE p.created_at < now() - make_interval(secs => :older)"
    " AND (p.finished_at IS NULL OR (m.purchase_id IS NOT NULL AND m.closed_at IS NULL))"
    " ORDER BY p.created_at, p.id OFFSET :skip LIMIT :limit"
)
_VIEW = (
    "SELECT p.*, m.state AS payment, m.checkout_url, e.granted_at FROM purchases p"
    " LEFT JOIN payments m ON m.purchase_id = p.id"
    " LEFT JOIN entitlements e ON e.purchase_id = p.id WHERE p.account_id = :account_id"
)
_ONE = text(f"{_VIEW} AND p.id = :id")
_PAGE = text(
    f"{_VIEW} AND (CAST(:before AS text) IS NULL OR (p.created_at, p.id) <"  # noqa: S608  (a constant)
    " (SELECT created_at, id FROM purchases WHERE id = :before AND account_id = :account_id))"
    " ORDER BY p.created_at DESC, p.id DESC LIMIT :limit"
)

_REFUSALS = frozenset({"PAYMENT_REQUIRED", "BUDGET_CAP_EXCEEDED"})


class PostgresPurchases:
    """The system of record for purchases.

    Args:
        database: hands out transactions.
        fee_basis_points: the platform's share, fixed on each purchase when it is recorded.
    """

    def __init__(self, database: Database, *, fee_basis_points: int) -> None:
        self._database = database
        self._fee_basis_points = fee_basis_points

    async def open(self, order: OpenOrder) -> Problem | None:
        """Record a purchase with its intended payment; of credit, hold the price.

        Returns:
            Why the money cannot be held, or what was recorded before: nothing is recorded twice.
        """
        request, offer = order.order.request, order.order.offer
        status = "awaiting_payment" if offer.price_micros else "paid"
        row = self._row(request, offer, status) | {"expires_at": order.expires_at}
        try:
            async with self._database.transaction() as connection:
                if (await connection.execute(_RECORD, row)).first() is None:
                    before = await connection.execute(_RECORDED, {"id": request.purchase_id})
                    problem = before.one().problem
                    return Problem.model_validate(problem) if problem else None
                if offer.price_micros:
                    await purchase_money.intend(connection, order.order)
        except SpellError as error:
            if error.code not in _REFUSALS:
                raise
            return Problem.of(error)
        return None

    async def refuse(self, order: RefuseOrder) -> None:
        """Record a refusal; what was recorded before stays."""
        row = self._row(order.request, None, "refused")
        row |= {"problem": as_jsonb(order.problem), "finished_at": datetime.now(UTC)}
        async with self._database.transaction() as connection:
            await connection.execute(_RECORD, row)

    def _row(
        self, request: PurchaseInput, offer: PurchaseOffer | None, status: str
    ) -> dict[str, Any]:
        return {
            "id": request.purchase_id,
            "account_id": request.account_id,
            "api_key_id": request.api_key_id,
            "fingerprint": request.fingerprint,
            "request": as_jsonb(request),
            "spell_key": request.spell_key,
            "offer": as_jsonb(offer),
            "status": status,
            "problem": None,
            "fee": self._fee_basis_points,
            "expires_at": None,
            "finished_at": None,
        }

    async def recorded(self, purchase_id: str) -> tuple[str, Problem | None] | None:
        """The fingerprint that a purchase was asked for with, and its problem; None: unknown."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_RECORDED, {"id": purchase_id})).one_or_none()
        if row is None:
            return None
        return row.fingerprint, Problem.model_validate(row.problem) if row.problem else None

    async def end(self, order: EndOrder) -> None:
        """End a purchase that did not come about; one that has ended stays as it ended."""
        async with self._database.transaction() as connection:
            parameters = {
                "id": order.purchase_id,
                "status": order.status,
                "problem": as_jsonb(order.problem),
            }
            if (await connection.execute(_END, parameters)).first() is not None:
                await tell_of_end(connection, order.purchase_id)

    async def intend_generation(self, purchase_id: str) -> tuple[datetime, bool]:
        """When a repository was first going to be made, and whether that is now."""
        async with self._database.transaction() as connection:
            first = (await connection.execute(_INTEND, {"id": purchase_id})).scalar_one_or_none()
            if first is not None:
                return first, True
            before = await connection.execute(_INTENDED, {"id": purchase_id})
            return before.scalar_one(), False

    async def generated(self, purchase_id: str, url: str) -> bool:
        """Keep where the buyer's copy is; False: another purchase of theirs made that one."""
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK_BUYER, {"id": purchase_id})
            kept = await connection.execute(_GENERATED, {"id": purchase_id, "url": url})
            return kept.first() is not None

    async def set_up(self, purchase_id: str, url: str) -> None:
        """Keep where the first pull request is."""
        async with self._database.transaction() as connection:
            await connection.execute(_SET_UP, {"id": purchase_id, "url": url})

    async def grant(self, order: PurchaseOrder) -> None:
        """Entitle the buyer, split the money and complete the purchase, in one transaction."""
        async with self._database.transaction() as connection:
            if await purchase_money.grant(connection, order):
                await tell_of_end(connection, order.request.purchase_id)

    async def unresolved(self, *, older_than_seconds: int, skip: int, limit: int) -> list[str]:
        """Purchases that have not ended, or whose money is nobody's yet; the oldest first."""
        parameters = {"older": older_than_seconds, "skip": skip, "limit": limit}
        async with self._database.reading() as connection:
            return list((await connection.execute(_UNRESOLVED, parameters)).scalars())

    async def purchase(self, account_id: str, purchase_id: str) -> PurchaseView | None:
        """The account's purchase; None for others'."""
        async with self._database.reading() as connection:
            found = await connection.execute(_ONE, {"account_id": account_id, "id": purchase_id})
            row = found.one_or_none()
        return None if row is None else _view(row)

    async def purchases(
        self, account_id: str, *, before: str | None, limit: int
    ) -> list[PurchaseView]:
        """The account's purchases, newest first, after the one named."""
        parameters = {"account_id": account_id, "before": before, "limit": limit}
        async with self._database.reading() as connection:
            rows = (await connection.execute(_PAGE, parameters)).all()
        return [_view(row) for row in rows]


def _view(row: Any) -> PurchaseView:
    request = PurchaseInput.model_validate(row.request)
    offer = PurchaseOffer.model_validate(row.offer) if row.offer else None
    payable = row.payment == "open" and row.status == "awaiting_payment"
    return PurchaseView(
        purchase_id=row.id,
        status=row.status,
        payment=row.payment,
        spell=row.spell_key,
        version=offer.version if offer else request.version,
        package_digest=offer.package_digest if offer else None,
        repository=request.repository,
        private=request.private,
        pay_with=request.pay_with,
        currency=offer.currency if offer else None,
        price_micros=offer.price_micros if offer else None,
        license_url=offer.license_url if offer else None,
        checkout_url=row.checkout_url if payable else None,
        repository_url=row.repository_url,
        pull_request_url=row.pull_request_url,
        entitled_at=row.granted_at,
        problem=row.problem,
        created_at=row.created_at,
        expires_at=row.expires_at,
        finished_at=row.finished_at,
    )
