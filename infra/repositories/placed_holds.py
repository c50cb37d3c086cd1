"""How a cast gets its hold: budgets, cast, answer, first events and ledger in one statement.

Not a statement for each of them: a round trip under the lock of an account's budgets is time in
which nobody else holds anything of that account.
"""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import as_jsonb
from infra.repositories import budgets
from infra.repositories.budgets import BudgetScope
from infra.repositories.ledger import HOLD_TRANSFER
from schema.contracts.cast import Admission, CastInput, PlannedCast

# ruff: noqa: S608  (the statements below are put together from constants only)
# What is written down first needs no lock; the budgets are locked when that is done, and from then
# on as little as possible is left to do. A hold that does not fit takes all of it back. Functions
# that lock see what was committed before each of their statements, so caps and open casts are those
# of after the wait.
_PLACE_HOLD = text(
    "WITH cast_row AS (INSERT INTO casts (id, account_id, api_key_id, spell_key, version,"
    "  package_digest, mode, fell_back, status, billing, currency, estimated_cost_micros,"
    "  cost_micros, input_fingerprint, event_seq) VALUES (:cast_id, :account, :api_key_id,"
    "  :spell_key, :version, :package_digest, :mode, CAST(:fell_back AS jsonb), 'queued', 'held',"
    "  :currency, :amount, 0, :fingerprint, 2) RETURNING id),"
    # Who casts a version has agreed to its terms.
    " consent_row AS (INSERT INTO consents (account_id, spell_key, version)"
    "  VALUES (:account, :spell_key, :version) ON CONFLICT DO NOTHING),"
    " hold_row AS (INSERT INTO holds (cast_id, account_id, api_key_id, maker_account_id, currency,"
    "  amount_micros, posted_micros, fee_basis_points, state, day, month) VALUES (:cast_id,"
    "  :account, :api_key_id, :maker, :currency, :amount, 0, :fee, 'held', :day, :month)"
    "  RETURNING cast_id),"
    " event_rows AS (INSERT INTO cast_events (cast_id, seq, kind, data) VALUES"
    "  (:cast_id, 1, 'queued', '{}'), (:cast_id, 2, 'held', CAST(:held AS jsonb)) RETURNING seq),"
    f" transfer AS ({HOLD_TRANSFER}),"
    " written AS MATERIALIZED (SELECT (SELECT count(*) FROM cast_row)"
    "  + (SELECT count(*) FROM hold_row) + (SELECT count(*) FROM event_rows)"
    "  + (SELECT count(*) FROM transfer) AS rows),"
    " locked AS MATERIALIZED (SELECT l.* FROM written w CROSS JOIN LATERAL "
    + budgets.LOCK_OF.format(account="CASE WHEN w.rows > 0 THEN CAST(:account AS text) END")
    + f" l), fits AS MATERIALIZED ({budgets.FITS}),"
    " checked AS MATERIALIZED (SELECT CASE WHEN seen AND remaining >= 0"
    "  AND open_casts_within(:account, CAST(:open_casts_max AS integer))"
    "  THEN remaining ELSE refuse_hold() END AS remaining FROM fits),"
    f" held AS ({budgets.HOLD}),"
    " recorded AS (INSERT INTO idempotency_records (cast_id, account_id, fingerprint, admission)"
    "  SELECT :cast_id, :account, :fingerprint, CAST(:admission AS jsonb)"
    "  || jsonb_build_object('budget_remaining_micros', remaining) FROM checked)"
    " SELECT remaining FROM checked"
)
# `refuse_hold`, and unique_violation: the cast, or the answer for its key, is there already.
_NOT_PLACED = frozenset({"SP402", "23505"})


@dataclass(frozen=True)
class HoldOrder:
    """What is to be held for a cast.

    Attributes:
        request: the cast.
        planned: what it runs, and what it costs at worst.
        fee_basis_points: the platform's share of what it will cost.
        open_casts_max: how many casts of the account may be open, this one included.
        scope: the budgets that it falls under.
    """

    request: CastInput
    planned: PlannedCast
    fee_basis_points: int
    open_casts_max: int
    scope: BudgetScope = field(init=False)

    def __post_init__(self) -> None:
        request, currency = self.request, self.planned.plan.price.currency
        scope = BudgetScope.of_today(request.account_id, request.api_key_id, currency)
        object.__setattr__(self, "scope", scope)

    @property
    def amount(self) -> int:
        """The worst case, in micros."""
        return self.planned.worst_case_micros

    @property
    def within_own_cap(self) -> bool:
        """Whether it fits under the cap that came with the request."""
        cap = self.request.budget_cap_micros
        return cap is None or self.amount <= cap

    def answer(self, remaining_micros: int) -> Admission:
        """The answer that leaves so much."""
        return Admission(
            cast_id=self.request.cast_id,
            plan=self.planned.plan,
            fallback=self.planned.fallback,
            fell_back=self.planned.fell_back,
            currency=self.scope.currency,
            estimated_cost_micros=self.amount,
            budget_remaining_micros=remaining_micros,
        )


async def place_hold(connection: AsyncConnection, order: HoldOrder) -> Admission | None:
    """Hold the amount and record the cast; None when nothing was done.

    Not when it does not fit, when too many casts are open, when this cast was answered before, or
    when some of the budgets are not there yet. Inside of a transaction, use a savepoint.
    """
    try:
        placed = await connection.execute(_PLACE_HOLD, _values(order))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _NOT_PLACED:
            return None
        raise
    return order.answer(placed.scalar_one())


def _values(order: HoldOrder) -> dict[str, Any]:
    request, plan, scope = order.request, order.planned.plan, order.scope
    return {
        **scope.parameters(),
        "cast_id": request.cast_id,
        "api_key_id": request.api_key_id,
        "admission": as_jsonb(order.answer(0)),
        "open_casts_max": order.open_casts_max,
        "spell_key": plan.spell_key,
        "version": plan.version,
        "package_digest": plan.package_digest,
        "mode": plan.mode,
        "fell_back": as_jsonb(order.planned.fell_back),
        "amount": order.amount,
        "fingerprint": request.fingerprint,
        "maker": plan.maker_account_id,
        "fee": order.fee_basis_points,
        "day": scope.day,
        "month": scope.month,
        "held": as_jsonb({"amount_micros": order.amount, "currency": scope.currency}),
    }
