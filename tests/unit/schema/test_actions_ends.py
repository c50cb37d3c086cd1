"""Goal: who pays for an Actions run follows from GitHub's words. Method: a table."""

from datetime import UTC, datetime, timedelta

import pytest

from schema.actions_ends import end_of, usage_of
from schema.contracts.actions import ActionsLook, ActionsRunRef, ActionsState, CollectOrder
from schema.contracts.problem import Problem
from schema.contracts.run import Outcome
from schema.errors import SpellError
from schema.ids import cast_id_for
from schema.pricing import FlatPrice, MeteredPrice, UnitPrices
from schema.settlement import charge_of
from tests.support.scripted_github import an_actions_plan

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
METERED = MeteredPrice(
    model="metered", currency="USD", base_micros=100, unit_micros=UnitPrices(compute_ms=2)
)
FLAT = FlatPrice(model="flat", currency="USD", price_micros=500)


def an_end(
    conclusion: str | None,
    *,
    seconds: int | None = 3,
    stopped: str | None = None,
    attempt: int = 1,
) -> CollectOrder:
    ended = conclusion is not None
    return CollectOrder(
        cast_id=cast_id_for(f"acct_{'a' * 16}", b"s", "key"),
        plan=an_actions_plan(),
        run=ActionsRunRef(repo="acme/resizer", run_id=5, html_url="https://x"),
        look=ActionsLook(
            state=ActionsState.COMPLETED if ended else ActionsState.IN_PROGRESS,
            conclusion=conclusion,
            started_at=AT if seconds is not None else None,
            ended_at=AT + timedelta(seconds=seconds) if ended and seconds is not None else None,
            run_attempt=attempt,
        ),
        stopped=Problem.of(SpellError(stopped)) if stopped else None,
        seconds_so_far=9,
    )


@pytest.mark.parametrize(
    ("order", "outcome", "code", "metered", "flat"),
    [
        (an_end("success"), Outcome.SUCCEEDED, None, 6_100, 500),
        (an_end("failure"), Outcome.FAILED, "SPELL_FAILED", 6_100, 500),
        (an_end("timed_out"), Outcome.TIMED_OUT, "TIME_EXCEEDED", 6_100, 500),
        (an_end("cancelled"), Outcome.LOST, "ACTIONS_RUN_LOST", None, None),
        (an_end("stale", seconds=None), Outcome.LOST, "ACTIONS_RUN_LOST", None, None),
        (
            an_end("cancelled", stopped="TIME_EXCEEDED"),
            Outcome.TIMED_OUT,
            "TIME_EXCEEDED",
            6_100,
            500,
        ),
        (
            an_end("cancelled", stopped="CAST_CANCELLED"),
            Outcome.CANCELLED,
            "CAST_CANCELLED",
            6_100,
            None,
        ),
        (
            an_end("failure", stopped="CAST_CANCELLED"),
            Outcome.CANCELLED,
            "CAST_CANCELLED",
            6_100,
            None,
        ),
        (an_end(None, stopped="CAST_CANCELLED"), Outcome.CANCELLED, "CAST_CANCELLED", 18_100, None),
        (an_end("success", stopped="CAST_CANCELLED"), Outcome.SUCCEEDED, None, 6_100, 500),
        (
            an_end("cancelled", seconds=None, stopped="CAST_CANCELLED"),
            Outcome.CANCELLED,
            "CAST_CANCELLED",
            None,
            None,
        ),
        (
            an_end("cancelled", seconds=None, stopped="QUEUE_TIMEOUT"),
            Outcome.LOST,
            "QUEUE_TIMEOUT",
            None,
            None,
        ),
        (
            an_end("cancelled", stopped="QUEUE_TIMEOUT"),
            Outcome.LOST,
            "ACTIONS_RUN_LOST",
            None,
            None,
        ),
        (
            an_end("cancelled", seconds=None, stopped="QUEUE_TIMEOUT", attempt=2),
            Outcome.LOST,
            "ACTIONS_RUN_LOST",
            None,
            None,
        ),
        (
            an_end(None, seconds=None, stopped="QUEUE_TIMEOUT"),
            Outcome.LOST,
            "ACTIONS_RUN_LOST",
            None,
            None,
        ),
    ],
)
def test_each_end_has_its_status_and_its_price(
    order: CollectOrder, outcome: Outcome, code: str | None, metered: int | None, flat: int | None
) -> None:
    ended = end_of(order)
    assert ended.outcome is outcome
    assert (ended.problem.code if ended.problem else None) == code
    assert charge_of(METERED, ended) == metered
    assert charge_of(FLAT, ended) == flat


def test_time_is_bounded_by_the_plan_and_never_negative() -> None:
    assert usage_of(an_end("success", seconds=999_999)).wall_ms == 600_000  # type: ignore[union-attr]
    assert usage_of(an_end("success", seconds=-5)).wall_ms == 0  # type: ignore[union-attr]
