"""Casts, their holds and their settlement, in Postgres. Fits the port `CastStore`.

Lock order, everywhere: budget rows (kind, scope) before the cast's rows; one cast's hold row
before its budgets only where the cast already exists, and no hold waits for another cast's row.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database, as_jsonb
from infra.repositories import artifacts, budgets, events
from infra.repositories.budgets import BudgetState, remaining_of
from infra.repositories.callbacks import keep_callback
from infra.repositories.castable_versions import CastableVersions, Verdicts
from infra.repositories.placed_holds import HoldOrder, place_hold
from infra.repositories.settlements import End, close, lock_hold, result_of
from infra.repositories.suspensions import note_violations
from schema import limits
from schema.contracts.cast import (
    Admission,
    Billing,
    CastInput,
    CastResult,
    CastStatus,
    EventKind,
    FallBackOrder,
    FellBack,
    PlannedCast,
    ReleaseOrder,
    RunOutcome,
    SettleOrder,
)
from schema.contracts.plans import CastPlan
from schema.contracts.problem import Problem
from schema.contracts.run import Outcome
from schema.errors import SpellError, too_many_casts
from schema.mode_choice import ALL_MODES, ModePolicy
from schema.settlement import charge_of, revoked_end, status_of

_RECORDED = text("SELECT fingerprint, admission FROM idempotency_records WHERE cast_id = :cast_id")
_RECORD = text(
    "INSERT INTO idempotency_records (cast_id, account_id, fingerprint, admission)"
    " VALUES (:cast_id, :account_id, :fingerprint, CAST(:admission AS jsonb))"
    " ON CONFLICT (cast_id) DO NOTHING RETURNING cast_id"
)
_MARK_RUNNING = text(
    "UPDATE casts SET status = 'running', started_at = now()"
    " WHERE id = :cast_id AND status = 'queued' RETURNING id"
)
_FALL_BACK = text(
    "UPDATE casts SET mode = :mode, fell_back = CAST(:fell_back AS jsonb)"
    " WHERE id = :cast_id AND status = 'queued' AND fell_back IS NULL RETURNING id"
)
_FELL_BACK = text("SELECT fell_back FROM casts WHERE id = :cast_id")
_LOCK_RUNNING = text("SELECT id FROM casts WHERE id = :cast_id AND status = 'running' FOR UPDATE")
_OPEN_HOLDS = text(
    "SELECT h.cast_id, h.account_id, i.fingerprint, c.spell_key, h.expires_at <= now() AS expired"
    " FROM holds h"
    " JOIN idempotency_records i USING (cast_id) JOIN casts c ON c.id = h.cast_id"
    " WHERE h.state = 'held' AND h.created_at < now() - CAST(:age AS interval)"
    " ORDER BY h.created_at, h.cast_id OFFSET :skip LIMIT :limit"
)


class PostgresCasts:
    """The system of record for casts.

    Args:
        database: hands out transactions.
        verdicts: on packages; a version is cast only with the one of now.
        fee_basis_points: the platform's share, fixed on each hold when it is made.
        open_casts_max: how many casts of one account may be open at a time.
        modes: which of them this installation allows, and is set up for.
        artifact_lifetime: how long artifacts of a success are kept; of another end, not at all.
        clock: what time it is; a hold falls into the day and month of then.
    """

    def __init__(
        self,
        database: Database,
        verdicts: Verdicts,
        *,
        fee_basis_points: int,
        open_casts_max: int,
        modes: ModePolicy = ALL_MODES,
        artifact_lifetime: timedelta = limits.ARTIFACT_LIFETIME,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._versions = CastableVersions(database, verdicts, modes)
        self._fee_basis_points = fee_basis_points
        self._open_casts_max = open_casts_max
        self._artifact_lifetime = artifact_lifetime
        self._clock = clock

    async def find_plan(self, request: CastInput) -> tuple[PlannedCast, bytes]:
        """What the version to cast runs, and its schema.json; SpellError when there is none."""
        return await self._versions.find_plan(request)

    async def schemas_of(self, plan: CastPlan) -> bytes:
        """The schema.json of the planned version."""
        return await self._versions.schemas_of(plan)

    async def hold(self, request: CastInput, planned: PlannedCast) -> Admission:
        """Hold the worst case under every cap and record the cast, or record the refusal."""
        order = HoldOrder(
            *(request, planned, self._fee_basis_points, self._open_casts_max), moment=self._clock()
        )
        within = order.within_own_cap
        if within and request.sealed_callback is None:
            async with self._database.alone() as connection:
                placed, states = await place_hold(connection, order)
            if placed:
                return order.admission(states)
        async with self._database.transaction() as connection:
            if within:
                placed, states = await place_hold(connection, order)
            else:
                placed, states = False, await self._locked(connection, order)
            if placed:
                # Also without a callback: what did not fit a moment ago may fit now.
                if request.sealed_callback is not None:
                    await keep_callback(connection, request.cast_id, request.sealed_callback)
                return order.admission(states)
            return await self._refused(connection, order, states)

    async def _locked(self, connection: AsyncConnection, order: HoldOrder) -> list[BudgetState]:
        request = order.request
        locked = await budgets.lock(
            *(connection, request.account_id, request.api_key_id, order.currency),
            moment=order.moment,
        )
        return locked.states

    async def _refused(
        self, connection: AsyncConnection, order: HoldOrder, states: list[BudgetState]
    ) -> Admission:
        """Record why nothing is held; an admission recorded before wins."""
        request, currency = order.request, order.currency
        problem = refusal_of_hold(states, order.amount, request.budget_cap_micros, currency)
        admission = Admission(
            cast_id=request.cast_id,
            problem=problem or Problem.of(too_many_casts(self._open_casts_max)),
            currency=currency,
            estimated_cost_micros=order.amount,
            budget_remaining_micros=remaining_of(states),
        )
        if await _record(connection, request, admission):
            return admission
        recorded = await _recorded(connection, request.cast_id, request.fingerprint)
        assert recorded is not None
        return recorded

    async def refuse(self, request: CastInput, admission: Admission) -> Admission:
        """Record a refusal that needs no money; an admission recorded before wins."""
        async with self._database.transaction() as connection:
            if await _record(connection, request, admission):
                return admission
            recorded = await _recorded(connection, request.cast_id, request.fingerprint)
            assert recorded is not None
            return recorded

    async def mark_running(self, cast_id: str) -> None:
        """Record that a runner started the cast; only the first time counts."""
        async with self._database.transaction() as connection:
            result = await connection.execute(_MARK_RUNNING, {"cast_id": cast_id})
            if result.first() is not None:
                await events.append(connection, cast_id, [(EventKind.RUNNING, {})])

    async def fall_back(self, order: FallBackOrder) -> bool:
        """Change the mode of a cast that has not begun; False when it has, so it keeps its mode."""
        fell_back = as_jsonb(order.fell_back)
        parameters = {
            "cast_id": order.cast_id,
            "mode": order.fell_back.mode,
            "fell_back": fell_back,
        }
        async with self._database.transaction() as connection:
            changed = (await connection.execute(_FALL_BACK, parameters)).first() is not None
            if changed:
                told = {"fell_back": order.fell_back.model_dump(mode="json")}
                await events.append(connection, order.cast_id, [(EventKind.PROGRESS, told)])
                return True
            recorded = (await connection.execute(_FELL_BACK, parameters)).scalar_one_or_none()
        return recorded is not None and FellBack.model_validate(recorded) == order.fell_back

    async def note_progress(self, cast_id: str, sealed_report: str) -> None:
        """Append a progress event, unless the cast has ended in the meantime."""
        async with self._database.transaction() as connection:
            running = await connection.execute(_LOCK_RUNNING, {"cast_id": cast_id})
            if running.first() is not None:
                event = (EventKind.PROGRESS, {"sealed": sealed_report})
                await events.append(connection, cast_id, [event])

    async def settle(self, order: SettleOrder) -> CastResult:
        """Post the exact cost, void the rest, keep what came of the run, end the cast."""
        async with self._database.transaction() as connection:
            hold = await lock_hold(connection, order.cast_id)
            assert hold is not None, "only an admitted cast is settled"
            if hold.state != "held":
                return await result_of(connection, order.cast_id)
            outcome = _trusted_outcome(order.outcome, hold.revoked)
            due = charge_of(order.price, outcome)
            end = End(
                due=None if due is None else min(due, hold.amount_micros),
                status=status_of(outcome.outcome),
                outcome=outcome,
            )
            result = await close(connection, hold, end)
            paid_for = end.status is CastStatus.SUCCEEDED
            lifetime = self._artifact_lifetime if paid_for else timedelta(0)
            cast = (order.cast_id, hold.account_id)
            await artifacts.record(connection, cast, outcome.artifacts, lifetime)
            await note_violations(connection, hold.spell_key, hold.account_id, outcome.violations)
            return result

    async def open_holds(
        self, *, older_than_seconds: int, skip: int, limit: int
    ) -> list[ReleaseOrder]:
        """Open holds, oldest first, as orders to release them as the platform's failure."""
        async with self._database.reading() as connection:
            rows = await connection.execute(
                _OPEN_HOLDS,
                {"age": timedelta(seconds=older_than_seconds), "skip": skip, "limit": limit},
            )
            return [
                ReleaseOrder(
                    cast_id=row.cast_id,
                    account_id=row.account_id,
                    fingerprint=row.fingerprint,
                    spell_key=row.spell_key,
                    problem=Problem.of(SpellError("INTERNAL")),
                    expired=row.expired,
                )
                for row in rows
            ]

    async def release(self, order: ReleaseOrder) -> CastResult:
        """Void the hold and end the cast uncharged; without a hold, make sure none can follow."""
        cancelled = order.problem.code == "CAST_CANCELLED"
        status = CastStatus.CANCELLED if cancelled else CastStatus.FAILED
        outcome = RunOutcome(outcome=Outcome.LOST, problem=order.problem)
        async with self._database.transaction() as connection:
            # A late attempt of the admission finds this record and holds nothing.
            tombstone = Admission(cast_id=order.cast_id, problem=order.problem)
            await _record(connection, order, tombstone)
            hold = await lock_hold(connection, order.cast_id)
            if hold is None:
                return CastResult(
                    cast_id=order.cast_id,
                    status=status,
                    billing=Billing.RELEASED,
                    problem=order.problem,
                )
            if hold.state != "held":
                return await result_of(connection, order.cast_id)
            end = End(due=None, status=status, outcome=outcome, expired=order.expired)
            return await close(connection, hold, end)


def _trusted_outcome(outcome: RunOutcome, revoked: dict[str, Any] | None) -> RunOutcome:
    """The outcome, or that of a revoked spell's run: whatever came of it, nobody pays for it."""
    told = outcome.problem is not None and "revocation" in outcome.problem.details
    if revoked is None or told:
        return outcome
    return revoked_end(outcome, _problem("SPELL_REVOKED", revoked))


def refusal_of_hold(
    states: list[BudgetState], estimate: int, cast_cap: int | None, currency: str
) -> Problem | None:
    """Why this hold does not fit, caps before balance; None when it does."""
    common = {"estimate_micros": estimate, "currency": currency}
    if cast_cap is not None and estimate > cast_cap:
        details = {**common, "cap": "cast", "cap_micros": cast_cap, "remaining_micros": cast_cap}
        return _problem("BUDGET_CAP_EXCEEDED", {**details, "used_micros": 0, "resets_at": None})
    for state in sorted(states, key=lambda s: s.kind == "balance"):
        remaining = state.remaining_micros
        if remaining is None or estimate <= remaining:
            continue
        details = {
            **common,
            "cap": state.kind,
            "cap_micros": state.cap_micros or 0,
            "used_micros": state.used_micros,
            "remaining_micros": remaining,
            "resets_at": state.resets_at.isoformat() if state.resets_at else None,
        }
        balance = state.kind == "balance"
        return _problem("PAYMENT_REQUIRED" if balance else "BUDGET_CAP_EXCEEDED", details)
    return None


def _problem(code: str, details: dict[str, Any]) -> Problem:
    return Problem.of(SpellError(code, details=details))


async def _record(
    connection: AsyncConnection, request: CastInput | ReleaseOrder, admission: Admission
) -> bool:
    """Write the answer for (account, Idempotency-Key); False when there is one already."""
    result = await connection.execute(
        _RECORD,
        {
            "cast_id": request.cast_id,
            "account_id": request.account_id,
            "fingerprint": request.fingerprint,
            "admission": as_jsonb(admission),
        },
    )
    return result.first() is not None


async def _recorded(
    connection: AsyncConnection, cast_id: str, fingerprint: str
) -> Admission | None:
    row = (await connection.execute(_RECORDED, {"cast_id": cast_id})).one_or_none()
    if row is None:
        return None
    if row.fingerprint != fingerprint:
        raise SpellError("IDEMPOTENCY_CONFLICT", details={"cast_id": cast_id})
    return Admission.model_validate(row.admission)
