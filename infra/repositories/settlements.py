"""How casts end: the hold closed, the money moved, the last events written, in one transaction."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import as_jsonb
from infra.repositories import budgets, events
from infra.repositories.budgets import BudgetScope
from infra.repositories.ledger import LedgerAccountName, Transfer, move_money, open_accounts
from infra.repositories.webhook_messages import TELL_OF_ENDED
from schema.contracts.cast import (
    FINAL_STATUSES,
    Billing,
    CastResult,
    CastStatus,
    EventKind,
    RunOutcome,
)
from schema.ids import cast_message_id
from schema.settlement import split
from schema.webhook_events import CastEvent, filters_for

_LOCK_HOLD = text(
    "SELECT h.*, c.started_at, c.spell_key, (SELECT details FROM revoked_versions r"
    "  WHERE r.spell_key = c.spell_key AND r.version = c.version LIMIT 1) AS revoked"
    " FROM holds h JOIN casts c ON c.id = h.cast_id"
    " WHERE h.cast_id = :cast_id FOR UPDATE OF h"
)
_END = text(
    "WITH hold_row AS (UPDATE holds SET state = :hold_state, posted_micros = :cost,"  # noqa: S608
    "  closed_at = now() WHERE cast_id = :cast_id),"
    " ended AS (UPDATE casts SET status = :status, billing = :billing, cost_micros = :cost,"
    " problem = CAST(:problem AS jsonb), usage = CAST(:usage AS jsonb), engine = :engine,"
    " record = CAST(:record AS jsonb), violations = CAST(:violations AS jsonb),"
    " stages = CAST(:stages AS jsonb),"
    " output_key = :output_key, stderr_key = :stderr_key, finished_at = now(),"
    " started_at = CASE WHEN :ran THEN coalesce(started_at, now()) ELSE started_at END"
    "  WHERE id = :cast_id RETURNING *),"
    # What its run may have stored meanwhile is deleted later: see infra/cast_leftovers.py.
    " leftovers AS (INSERT INTO cast_leftovers (cast_id)"
    "  SELECT id FROM ended WHERE status <> 'succeeded'),"
    f" {TELL_OF_ENDED} SELECT EXISTS (SELECT FROM made)"
)
_RESULT = text(
    "SELECT id, status, billing, currency, cost_micros, problem,"
    " EXISTS (SELECT FROM webhook_messages WHERE id = :message_id) AS told"
    " FROM casts WHERE id = :cast_id"
)

_EVENT_OF_STATUS = {
    CastStatus.SUCCEEDED: EventKind.SETTLED,
    CastStatus.FAILED: EventKind.FAILED,
    CastStatus.TIMED_OUT: EventKind.FAILED,
    CastStatus.CANCELLED: EventKind.CANCELLED,
}


@dataclass(frozen=True)
class End:
    """How a cast ends. `due` None releases the whole hold; it may have `expired`."""

    due: int | None
    status: CastStatus
    outcome: RunOutcome
    expired: bool = False

    @property
    def hold_state(self) -> str:
        """What becomes of the hold."""
        if self.due is not None:
            return "posted"
        return "expired" if self.expired else "voided"


async def lock_hold(connection: AsyncConnection, cast_id: str) -> Any | None:
    """The cast's hold, locked, or None; whoever closes it holds this lock.

    With it comes, in one look, whether what the cast ran has been revoked.
    """
    return (await connection.execute(_LOCK_HOLD, {"cast_id": cast_id})).one_or_none()


async def close(connection: AsyncConnection, hold: Any, end: End) -> CastResult:
    """Post what is due, void the rest, and end the cast with its last events."""
    result = CastResult(
        cast_id=hold.cast_id,
        status=end.status,
        billing=Billing.RELEASED if end.due is None else Billing.SETTLED,
        currency=hold.currency,
        cost_micros=end.due or 0,
        problem=end.outcome.problem,
    )
    scope = BudgetScope(hold.account_id, hold.api_key_id, hold.currency, hold.day, hold.month)
    await budgets.move(connection, scope, held=-hold.amount_micros, posted=result.cost_micros)
    outcome = end.outcome
    event = CastEvent.of(end.status).value
    told = await connection.execute(
        _END,
        {
            "account_id": hold.account_id,
            "message_id": cast_message_id(hold.cast_id),
            "event": event,
            "filters": filters_for(event),
            "cast_id": hold.cast_id,
            "hold_state": end.hold_state,
            "cost": result.cost_micros,
            "status": result.status,
            "billing": result.billing,
            "problem": as_jsonb(result.problem),
            "usage": as_jsonb(outcome.usage),
            "engine": outcome.engine or None,
            "record": as_jsonb(outcome.record),
            "violations": as_jsonb(
                [one.model_dump(mode="json") for one in outcome.violations] or None
            ),
            "stages": as_jsonb(outcome.stages),
            "output_key": outcome.output_key,
            "stderr_key": outcome.stderr_key,
            "ran": outcome.usage is not None,
        },
    )
    await _return_and_pay(connection, hold, result.cost_micros)
    await events.append(connection, hold.cast_id, _last_events(hold, outcome, result))
    return result.model_copy(update={"told": told.scalar_one()})


def _last_events(hold: Any, outcome: RunOutcome, result: CastResult) -> list[events.Event]:
    """The start, if it was too brief for an event of its own; the output; the end."""
    last: list[events.Event] = []
    if outcome.usage is not None and hold.started_at is None:
        last.append((EventKind.RUNNING, {}))
    if outcome.output_key is not None:
        stored = {"output_bytes": outcome.output_bytes}
        if outcome.artifacts:
            stored["artifacts"] = len(outcome.artifacts)
            stored["artifact_bytes"] = sum(each.bytes for each in outcome.artifacts)
        last.append((EventKind.STORING, stored))
    summary: dict[str, Any] = {
        "status": result.status,
        "billing": result.billing,
        "cost_micros": result.cost_micros,
        "currency": result.currency,
    }
    if result.problem is not None:
        summary["code"] = result.problem.code
    return [*last, (_EVENT_OF_STATUS[result.status], summary)]


async def _return_and_pay(connection: AsyncConnection, hold: Any, cost: int) -> None:
    """Ledger side of closing a hold: maker's share, platform's fee, and the rest back."""
    currency, cast_id = hold.currency, hold.cast_id
    held = LedgerAccountName("caster_hold", hold.account_id, currency)
    maker = LedgerAccountName("maker_payable", hold.maker_account_id, currency)
    platform = LedgerAccountName("platform_revenue", None, currency)
    credit = LedgerAccountName("caster_credit", hold.account_id, currency)
    share, fee = split(cost, hold.fee_basis_points)
    await open_accounts(connection, [maker, platform])
    await move_money(
        connection,
        [
            Transfer(f"{cast_id}:post", "post", held, maker, share, cast_id),
            Transfer(f"{cast_id}:fee", "fee", held, platform, fee, cast_id),
            Transfer(f"{cast_id}:void", "void", held, credit, hold.amount_micros - cost, cast_id),
        ],
    )


async def result_of(connection: AsyncConnection, cast_id: str) -> CastResult:
    """How an ended cast ended."""
    place = {"cast_id": cast_id, "message_id": cast_message_id(cast_id)}
    row = (await connection.execute(_RESULT, place)).one()
    assert row.status in FINAL_STATUSES
    return CastResult(
        cast_id=row.id,
        status=row.status,
        billing=row.billing,
        currency=row.currency,
        cost_micros=row.cost_micros,
        problem=row.problem,
        told=row.told,
    )
