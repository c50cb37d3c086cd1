"""What can be found out about a receipt without asking anybody."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.contracts.cast import CastStatus
from schema.contracts.receipt import Check, Receipt
from schema.contracts.replay import Replayed
from schema.contracts.run import Outcome, Usage
from schema.pricing import FlatPrice, FreePrice, MeteredPrice, Price, UnitPrices
from schema.receipt_checks import (
    DETERMINISTIC_USAGE,
    cost_check,
    input_check,
    limits_check,
    output_check,
    replay_checks,
    replay_refusal,
    transfers_check,
)
from tests.support.builders import FLAT_500, LIMITS, METERED, USAGE
from tests.support.receipts import a_receipt

FREE = FreePrice(model="free")
DEAR = MeteredPrice(
    model="metered",
    currency="USD",
    base_micros=10,
    unit_micros=UnitPrices(fuel_million=3, compute_ms=7, memory_mb_s=11, egress_mb=13),
)
PRICES: list[Price] = [FLAT_500, METERED, DEAR, FREE]
ENDS: list[dict[str, Any]] = [
    {},
    {"outcome": Outcome.FAILED, "code": "SPELL_TRAPPED"},
    {"outcome": Outcome.FAILED, "code": "OUTPUT_INVALID"},
    {"outcome": Outcome.TIMED_OUT, "code": "TIME_EXCEEDED"},
    {"outcome": Outcome.CANCELLED, "code": "CAST_CANCELLED"},
]


def changed(receipt: Receipt, **members: Any) -> Receipt:
    return receipt.model_copy(update=members)


def used(**members: int) -> Usage:
    return USAGE.model_copy(update=members)


def as_replayed(receipt: Receipt, **members: Any) -> Replayed:
    same = {
        "engine": receipt.engine,
        "status": receipt.status,
        "code": receipt.code,
        "usage": receipt.usage,
        "output_digest": receipt.run.output_digest,
    }
    return Replayed.model_validate({**same, **members})


def wrong(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if not check.passed]


@pytest.mark.parametrize("price", PRICES, ids=lambda price: f"{price.model}")
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.get("code", "succeeded"))
def test_what_settlement_charges_is_what_the_receipt_comes_to(price: Price, end: Any) -> None:
    receipt = a_receipt(price=price, **end)
    assert cost_check(receipt).passed
    assert transfers_check(receipt).passed
    assert not cost_check(changed(receipt, cost_micros=receipt.cost_micros + 1)).passed


@given(st.integers(0, LIMITS.fuel), st.integers(0, LIMITS.timeout_ms), st.integers(0, 16 * 1024**2))
def test_any_usage_is_charged_as_its_price_says(fuel: int, wall_ms: int, memory: int) -> None:
    receipt = a_receipt(
        price=DEAR, usage=used(fuel=fuel, wall_ms=wall_ms, memory_bytes_peak=memory)
    )
    assert cost_check(receipt).passed
    more = used(fuel=fuel, wall_ms=wall_ms + 1, memory_bytes_peak=memory)
    assert not cost_check(changed(receipt, usage=more)).passed, "a millisecond more costs more"


def test_a_cost_is_never_more_than_its_hold() -> None:
    receipt = a_receipt(price=FlatPrice(model="flat", currency="USD", price_micros=2_000_000))
    assert receipt.cost_micros == receipt.hold_micros
    assert cost_check(receipt).passed


@pytest.mark.parametrize("number", range(4))
def test_a_movement_that_is_left_out_or_of_another_size_is_noticed(number: int) -> None:
    receipt = a_receipt()
    assert len(receipt.transfers) == 4
    others = [one for at, one in enumerate(receipt.transfers) if at != number]
    assert not transfers_check(changed(receipt, transfers=others)).passed
    larger = changed_transfer(
        receipt, number, amount_micros=receipt.transfers[number].amount_micros + 1
    )
    assert not transfers_check(larger).passed
    foreign = changed_transfer(receipt, number, reference="cast_of_somebody_else:hold")
    assert not transfers_check(foreign).passed


def changed_transfer(receipt: Receipt, number: int, **members: Any) -> Receipt:
    transfers = list(receipt.transfers)
    transfers[number] = transfers[number].model_copy(update=members)
    return changed(receipt, transfers=transfers)


@pytest.mark.parametrize(
    "over",
    [
        {"fuel": LIMITS.fuel + 1},
        {"wall_ms": LIMITS.timeout_ms + 1},
        {"memory_bytes_peak": LIMITS.memory_bytes_max + 1},
        {"output_bytes": LIMITS.output_bytes_max + 1},
        {"host_calls": LIMITS.host_calls_max + 1},
        {"scratch_bytes_peak": 1},
    ],
    ids=lambda over: next(iter(over)),
)
def test_usage_over_a_limit_is_named(over: dict[str, int]) -> None:
    check = limits_check(changed(a_receipt(), usage=used(**over)))
    assert (check.passed, check.found) == (False, next(iter(over)))
    assert limits_check(a_receipt()).passed


def test_digests_are_those_of_what_was_read_and_written() -> None:
    receipt = a_receipt(inputs='{"n":1}', output=b'{"ok": true}\n')
    assert input_check(receipt, b'{"n":1}').passed
    assert not input_check(receipt, b'{"n":2}').passed
    assert output_check(receipt, b'{"ok": true}\n').passed
    assert not output_check(receipt, b'{"ok":true}').passed


def test_a_run_without_output_has_no_digest_that_anything_could_match() -> None:
    receipt = a_receipt(outcome=Outcome.FAILED, code="SPELL_FAILED", output=b"")
    assert receipt.run.output_digest is None
    assert not output_check(receipt, b"").passed


def test_the_same_again_matches_whatever_the_clocks_said() -> None:
    receipt = a_receipt()
    slower = used(wall_ms=1999, cpu_ms=1999)
    assert wrong(replay_checks(receipt, as_replayed(receipt, usage=slower))) == []


@pytest.mark.parametrize("name", DETERMINISTIC_USAGE)
def test_every_deterministic_figure_must_be_the_same(name: str) -> None:
    receipt = a_receipt()
    other = used(**{name: getattr(receipt.usage, name) + 1})
    assert wrong(replay_checks(receipt, as_replayed(receipt, usage=other))) == [f"replay {name}"]


@pytest.mark.parametrize(
    ("other", "name"),
    [
        ({"engine": "wasmtime-51.0.0/0"}, "replay engine"),
        ({"status": CastStatus.FAILED}, "replay status"),
        ({"code": "SPELL_FAILED"}, "replay code"),
        ({"output_digest": "sha256:" + "0" * 64}, "replay output digest"),
        ({"output_digest": None}, "replay output digest"),
    ],
)
def test_another_end_is_named(other: dict[str, Any], name: str) -> None:
    receipt = a_receipt()
    assert wrong(replay_checks(receipt, as_replayed(receipt, **other))) == [name]


def test_a_replay_that_used_nothing_matches_nothing() -> None:
    receipt = a_receipt()
    names = wrong(replay_checks(receipt, as_replayed(receipt, usage=None)))
    assert names == [f"replay {name}" for name in DETERMINISTIC_USAGE]


def test_an_output_that_the_platform_refused_was_given_in_good_order() -> None:
    """The schema is the platform's to check; the run itself succeeded, and so does its replay."""
    receipt = changed(a_receipt(), status=CastStatus.FAILED, code="OUTPUT_INVALID")
    again = as_replayed(receipt, status=CastStatus.SUCCEEDED, code=None)
    assert wrong(replay_checks(receipt, again)) == []


@pytest.mark.parametrize(
    ("policy", "end", "says"),
    [
        ({"deterministic": False}, {}, "not deterministic"),
        ({"net_allow": ["example.com"]}, {}, "not deterministic"),
        ({}, {"outcome": Outcome.TIMED_OUT, "code": "TIME_EXCEEDED"}, "TIME_EXCEEDED"),
        ({}, {"outcome": Outcome.FAILED, "code": "CPU_EXCEEDED"}, "CPU_EXCEEDED"),
        ({}, {"outcome": Outcome.CANCELLED, "code": "CAST_CANCELLED"}, "CAST_CANCELLED"),
    ],
)
def test_a_replay_that_would_prove_nothing_is_refused(
    policy: dict[str, Any], end: dict[str, Any], says: str
) -> None:
    receipt = a_receipt(**end)
    run = receipt.run.model_copy(update={"policy": receipt.run.policy.model_copy(update=policy)})
    refusal = replay_refusal(changed(receipt, run=run))
    assert refusal is not None
    assert says in refusal


@pytest.mark.parametrize("code", ["SPELL_FAILED", "FUEL_EXHAUSTED", "OUTPUT_INVALID"])
def test_a_run_that_failed_by_itself_replays(code: str) -> None:
    assert replay_refusal(a_receipt(outcome=Outcome.FAILED, code=code)) is None
    assert replay_refusal(a_receipt()) is None
