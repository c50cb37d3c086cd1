"""How a cast gets its hold: budgets, cast, answer, first events and ledger in one statement.

Not a statement for each of them: a round trip under the lock of an account's budgets is time in
which nobody else holds anything of that account.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import as_jsonb
from infra.repositories import budgets
from infra.repositories.budgets import BudgetState, remaining_of
from infra.repositories.ledger import HOLD_TRANSFER
from schema.contracts.cast import Admission, CastInput, PlannedCast

# ruff: noqa: S608  (the statements below are put together from constants only)
# Functions that change or lock something see what was committed before each of their statements;
# so what they answer is of after the wait for the lock, and the rest goes by their answers.
_PLACE_HOLD = text(
    f"WITH locked AS MATERIALIZED ({budgets.LOCKED}),"
    f" fits AS MATERIALIZED ({budgets.FITS}),"
    " recorded AS (INSERT INTO idempotency_records (cast_id, account_id, fingerprint,"
    "  admission) SELECT :cast_id, :account, :fingerprint, CAST(:admission AS jsonb)"
    "  || jsonb_build_object('budget_remaining_micros', remaining) FROM fits"
    "  WHERE CASE WHEN seen AND remaining >= 0"
    "   THEN may_open_cast(:account, CAST(:open_casts_max AS integer)) END"
    "  ON CONFLICT (cast_id) DO NOTHING RETURNING cast_id),"
    f" held AS ({budgets.HOLD}),"
    " cast_row AS (INSERT INTO casts (id, account_id, api_key_id, spell_key, version,"
    "  package_digest, mode, fell_back, status, billing, currency, estimated_cost_micros,"
    "  cost_micros, input_fingerprint, event_seq) SELECT cast_id, :account, :api_key_id,"
    "  :spell_key, :version, :package_digest, :mode, CAST(:fell_back AS jsonb), 'queued', 'held',"
    "  :currency, :amount, 0, :fingerprint, 2 FROM recorded),"
    # Who casts a version has agreed to its terms.
    " consent_row AS (INSERT INTO consents (account_id, spell_key, version)"
    "  SELECT :account, :spell_key, :version FROM recorded ON CONFLICT DO NOTHING),"
    " hold_row AS (INSERT INTO holds (cast_id, account_id, api_key_id, maker_account_id, currency,"
    "  amount_micros, posted_micros, fee_basis_points, state, day, month) SELECT cast_id,"
    "  :account, :api_key_id, :maker, :currency, :amount, 0, CAST(:fee AS integer), 'held',"
    "  day, month FROM recorded, fits),"
    " events AS (INSERT INTO cast_events (cast_id, seq, kind, data)"
    "  SELECT cast_id, e.seq, e.kind, e.data FROM recorded, (VALUES (1, 'queued', '{}'::jsonb),"
    "  (2, 'held', CAST(:held AS jsonb))) AS e (seq, kind, data)),"
    f" transfer AS ({HOLD_TRANSFER})"
    " SELECT l.*, f.seen, EXISTS (SELECT FROM recorded) AS placed FROM locked l, fits f"
)


@dataclass(frozen=True)
class HoldOrder:
    """What is to be held for a cast.

    Attributes:
        request: the cast.
        planned: what it runs, and what it costs at worst.
        fee_basis_points: the platform's share of what it will cost.
        open_casts_max: how many casts of the account may be open, this one included.
        moment: when; it falls into the day and month of then, by the account's clock.
    """

    request: CastInput
    planned: PlannedCast
    fee_basis_points: int
    open_casts_max: int
    moment: datetime

    @property
    def currency(self) -> str:
        """What the spell's price is in."""
        return self.planned.plan.price.currency

    @property
    def amount(self) -> int:
        """The worst case, in micros."""
        return self.planned.worst_case_micros

    @property
    def within_own_cap(self) -> bool:
        """Whether it fits under the cap that came with the request."""
        cap = self.request.budget_cap_micros
        return cap is None or self.amount <= cap

    def admission(self, states: list[BudgetState]) -> Admission:
        """The answer, if it fits under these budgets."""
        return self.answer(remaining_of(states) - self.amount)

    def answer(self, remaining_micros: int) -> Admission:
        """The answer that leaves so much."""
        return Admission(
            cast_id=self.request.cast_id,
            plan=self.planned.plan,
            fallback=self.planned.fallback,
            fell_back=self.planned.fell_back,
            currency=self.currency,
            estimated_cost_micros=self.amount,
            budget_remaining_micros=remaining_micros,
        )


async def place_hold(
    connection: AsyncConnection, order: HoldOrder
) -> tuple[bool, list[BudgetState]]:
    """Hold the amount and record the cast, or do nothing.

    Returns:
        Whether it is held: not when it does not fit, when too many casts are open, or when this
        cast was answered before. And the budgets, as they were before.
    """
    values = _values(order)
    rows = (await connection.execute(_PLACE_HOLD, values)).all()
    if not rows[0].seen:
        # The first hold of a period made its budgets: the next statement sees them.
        rows = (await connection.execute(_PLACE_HOLD, values)).all()
    return rows[0].placed, budgets.states_of(rows)


def _values(order: HoldOrder) -> dict[str, Any]:
    request, plan = order.request, order.planned.plan
    return {
        "account": request.account_id,
        "key": request.api_key_id,
        "currency": order.currency,
        "moment": order.moment,
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
        "held": as_jsonb({"amount_micros": order.amount, "currency": order.currency}),
    }
