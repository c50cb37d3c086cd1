"""Receipts of Actions runs for tests: made of real records, as settlement would end them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from activities._records import actions_record_of, salt_of
from schema.actions_ends import end_of
from schema.contracts.actions import ActionsLook, ActionsRunRef, ActionsState, CollectOrder
from schema.contracts.actions_record import ActionsRecord, RecordedArtifact
from schema.contracts.problem import Problem
from schema.contracts.receipt import ActionsReceipt, ActionsReceiptRun, ReceiptTransfer
from schema.contracts.run import Outcome
from schema.errors import SpellError
from schema.pricing import Price
from schema.receipts import salted_digest
from schema.settlement import charge_of, status_of
from tests.modules.fleet import new_cast_id
from tests.support.actions import BY_TIME
from tests.support.platform import make_vault
from tests.support.scripted_github import an_actions_plan

COMMIT = "c" * 40
BEGAN = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOLD = 1_000_000
REPORT = b"<svg/>"


def an_actions_receipt(
    conclusion: str | None = "success",
    *,
    inputs: str = "{}",
    output: bytes = b'{"ok":true}',
    price: Price = BY_TIME,
    stopped: str | None = None,
    **look: Any,
) -> ActionsReceipt:
    """The receipt of a run of three seconds that left an output and `report.svg`."""
    cast_id = new_cast_id()
    salt = salt_of(make_vault(), cast_id)
    order = CollectOrder(
        cast_id=cast_id,
        plan=an_actions_plan(price=price),
        run=ActionsRunRef(repo="acme/resizer", run_id=5, html_url="https://github.example/runs/5"),
        look=a_look(conclusion, **look),
        stopped=Problem.of(SpellError(stopped)) if stopped else None,
        seconds_so_far=7,
        input_digest=salted_digest(salt, inputs.encode()),
    )
    record = actions_record_of(order)
    assert record is not None
    if conclusion == "success":
        record = record.model_copy(update=_given(salt, output))
    return _settled(order, record, salt)


def a_look(conclusion: str | None, **changes: Any) -> ActionsLook:
    """What GitHub says of a run that has ended, or of one that nobody waited for."""
    ended = conclusion is not None
    said = {
        "state": ActionsState.COMPLETED if ended else ActionsState.IN_PROGRESS,
        "conclusion": conclusion,
        "started_at": BEGAN,
        "ended_at": BEGAN + timedelta(seconds=3) if ended else None,
        "commit": COMMIT,
        "run_attempt": 1,
    }
    return ActionsLook.model_validate({**said, **changes})


def _given(salt: str, output: bytes) -> dict[str, Any]:
    report = RecordedArtifact(
        name="report.svg", digest=salted_digest(salt, REPORT), bytes=len(REPORT)
    )
    return {"output_digest": salted_digest(salt, output), "artifacts": [report]}


def _settled(order: CollectOrder, record: ActionsRecord, salt: str) -> ActionsReceipt:
    outcome = end_of(order)
    assert outcome.usage is not None
    assert outcome.outcome is not Outcome.LOST, "of what was lost nobody has a receipt"
    cost = min(charge_of(record.price, outcome) or 0, HOLD)
    moved = {"hold": HOLD, "post": cost - cost // 5, "fee": cost // 5, "void": HOLD - cost}
    return ActionsReceipt(
        cast_id=order.cast_id,
        spell=order.plan.spell_key,
        version=order.plan.version,
        package_digest=order.plan.package_digest,
        engine=outcome.engine,
        run=ActionsReceiptRun(**record.model_dump(), salt=salt),
        status=status_of(outcome.outcome),
        code=outcome.problem.code if outcome.problem else None,
        usage=outcome.usage,
        hold_micros=HOLD,
        cost_micros=cost,
        currency=record.price.currency,
        transfers=[
            ReceiptTransfer(reference=f"{order.cast_id}:{kind}", kind=kind, amount_micros=amount)
            for kind, amount in moved.items()
            if amount
        ],
        created_at=BEGAN - timedelta(seconds=9),
        started_at=BEGAN - timedelta(seconds=2),
        finished_at=BEGAN + timedelta(seconds=5),
    )
