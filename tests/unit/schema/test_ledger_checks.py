"""Goal: whatever is wrong with an account or a cast is found, and what is right is not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schema.chart_of_accounts import AccountKind, is_in_order
from schema.ledger_checks import (
    HOLD_OVERDUE_AFTER,
    AccountState,
    CastState,
    PurchaseState,
    account_findings,
    cast_findings,
    purchase_findings,
)

NOW = datetime(2026, 11, 26, tzinfo=UTC)
CREDIT = AccountState("caster_credit:a:USD", AccountKind.CASTER_CREDIT, 70, 70, 0, 0)
HOLD = AccountState("caster_hold:a:USD", AccountKind.CASTER_HOLD, 30, 0, 30, 30)
OPEN = CastState(
    cast_id="cast_x",
    ended=False,
    billing="held",
    cost_micros=0,
    hold="held",
    amount_micros=30,
    posted_micros=0,
    expires_at=NOW,
    held=30,
    charged=0,
    voided=0,
    taken_back=0,
    refunded=0,
)
SETTLED = replace(
    OPEN, ended=True, billing="settled", hold="posted", cost_micros=20, posted_micros=20
)
SETTLED = replace(SETTLED, charged=20, voided=10)
REFUNDED = replace(SETTLED, billing="refunded", taken_back=20, refunded=20)
RELEASED = replace(OPEN, ended=True, billing="released", hold="voided", voided=30)


@pytest.mark.parametrize(
    "state",
    [
        OPEN,
        SETTLED,
        REFUNDED,
        RELEASED,
        replace(OPEN, billing="unknown"),
        replace(RELEASED, hold="expired"),
        replace(SETTLED, taken_back=5, refunded=5),  # a part of it
        replace(SETTLED, cost_micros=0, posted_micros=0, charged=0, voided=30),
    ],
)
def test_a_cast_whose_money_agrees_has_no_finding(state: CastState) -> None:
    assert list(cast_findings(state, NOW)) == []


@pytest.mark.parametrize(
    ("state", "change"),
    [
        (OPEN, {"held": 29}),
        (OPEN, {"charged": 1}),
        (OPEN, {"voided": 30}),
        (OPEN, {"billing": "settled"}),
        (SETTLED, {"charged": 19}),
        (SETTLED, {"charged": 21}),
        (SETTLED, {"cost_micros": 21}),
        (SETTLED, {"voided": 9}),
        (SETTLED, {"billing": "released"}),
        (SETTLED, {"taken_back": 5}),
        (SETTLED, {"refunded": 5}),
        (SETTLED, {"taken_back": 21, "refunded": 21}),
        (REFUNDED, {"refunded": 19}),
        (REFUNDED, {"taken_back": 0, "refunded": 0}),
        (RELEASED, {"charged": 1}),
        (RELEASED, {"voided": 29}),
        (RELEASED, {"billing": "settled"}),
        (RELEASED, {"cost_micros": 1}),
    ],
    ids=str,
)
def test_a_cast_whose_money_does_not_agree_is_named(
    state: CastState, change: dict[str, Any]
) -> None:
    (finding,) = cast_findings(replace(state, **change), NOW)
    assert (finding.kind, finding.subject) == ("cast_differs", "cast_x")


def test_an_open_hold_of_a_cast_that_is_over_or_overdue_is_named() -> None:
    late = NOW + HOLD_OVERDUE_AFTER
    assert list(cast_findings(OPEN, late)) == []
    (overdue,) = cast_findings(OPEN, late + timedelta(seconds=1))
    assert overdue.kind == "hold_overdue"
    (orphan,) = cast_findings(replace(OPEN, ended=True), NOW)
    assert orphan.kind == "hold_orphan"


@pytest.mark.parametrize(
    ("state", "kinds"),
    [
        (CREDIT, []),
        (HOLD, []),
        (replace(CREDIT, balance_micros=-1, counted_micros=-1), ["balance_negative"]),
        (replace(CREDIT, counted_micros=71), ["balance_differs"]),
        (replace(HOLD, cast_micros=31), ["hold_orphan"]),
        (replace(HOLD, balance_micros=-1, cast_micros=-1), ["balance_negative", "hold_orphan"]),
    ],
)
def test_an_account_is_held_against_its_chart_its_budget_and_its_holds(
    state: AccountState, kinds: list[str]
) -> None:
    assert [finding.kind for finding in account_findings(state)] == kinds


@pytest.mark.parametrize(
    ("provider", "state", "moved", "right"),
    [
        ("checkout", "open", {}, True),
        ("checkout", "open", {"payment": 9}, False),
        ("checkout", "paid", {"payment": 9}, True),
        ("checkout", "paid", {"payment": 8}, False),
        ("checkout", "posted", {"payment": 9, "shares": 9}, True),
        ("checkout", "posted", {"payment": 9}, False),
        ("checkout", "refunded", {"payment": 9, "refund": 9}, True),
        ("checkout", "refunded", {"payment": 9, "void": 9}, False),
        ("credit", "paid", {"hold": 9}, True),
        ("credit", "posted", {"hold": 9, "shares": 9}, True),
        ("credit", "posted", {"hold": 9, "shares": 9, "void": 1}, False),
        ("credit", "refunded", {"hold": 9, "void": 9}, True),
    ],
)
def test_a_purchase_moves_money_in_once_and_out_once(
    provider: str, state: str, moved: dict[str, int], right: bool
) -> None:
    kinds = {"hold": 0, "payment": 0, "shares": 0, "void": 0, "refund": 0}
    found = list(purchase_findings(PurchaseState("pur_x", provider, state, 9, kinds | moved)))
    assert [(one.kind, one.subject) for one in found] == (
        [] if right else [("purchase_differs", "pur_x")]
    )


def test_each_kind_of_account_has_its_side() -> None:
    below = {kind for kind in AccountKind if is_in_order(kind, -1)}
    above = {kind for kind in AccountKind if is_in_order(kind, 1)}
    assert set(AccountKind) - below == {AccountKind.CASTER_CREDIT, AccountKind.CASTER_HOLD}
    assert set(AccountKind) - above == {AccountKind.REFUNDS}
    assert all(is_in_order(kind, 0) for kind in AccountKind)
