"""Goal: the receipt of an Actions run tells GitHub's word from ours, and adds up.

Method: receipts made as the activities and settlement make them, then changed.
"""

import json
from datetime import timedelta
from typing import Any

import pytest

from schema.contracts.receipt import (
    ACTIONS_PREDICATE_TYPE,
    PREDICATE_TYPE,
    ActionsReceipt,
    Check,
)
from schema.pricing import FreePrice, Price
from schema.receipt_checks import (
    artifact_check,
    input_check,
    output_check,
    replay_refusal,
    standing_checks,
)
from schema.receipts import (
    ReceiptRefusedError,
    payload_of,
    read_envelope,
    read_statement,
    statement_of,
)
from tests.support.actions import BY_TIME
from tests.support.actions_receipts import BEGAN, COMMIT, REPORT, an_actions_receipt
from tests.support.builders import FLAT_500
from tests.support.receipts import a_receipt, signed

ENDS: list[dict[str, Any]] = [
    {},
    {"conclusion": "failure"},
    {"conclusion": "timed_out"},
    {"conclusion": "cancelled", "stopped": "CAST_CANCELLED"},
    {"conclusion": "cancelled", "stopped": "TIME_EXCEEDED"},
    {"conclusion": None, "stopped": "CAST_CANCELLED"},
]


def wrong(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if not check.passed]


def with_word(receipt: ActionsReceipt, **members: Any) -> ActionsReceipt:
    word = receipt.run.github.model_copy(update=members)
    return receipt.model_copy(update={"run": receipt.run.model_copy(update={"github": word})})


def used(receipt: ActionsReceipt, wall_ms: int) -> ActionsReceipt:
    usage = receipt.usage.model_copy(update={"wall_ms": wall_ms})
    return receipt.model_copy(update={"usage": usage})


@pytest.mark.parametrize("price", [BY_TIME, FLAT_500, FreePrice(model="free")])
@pytest.mark.parametrize("end", ENDS, ids=str)
def test_what_settlement_makes_of_each_end_holds(price: Price, end: dict[str, Any]) -> None:
    receipt = an_actions_receipt(price=price, **end)
    assert wrong(standing_checks(receipt)) == []
    read = read_statement(payload_of(read_envelope(signed(receipt))))
    assert read == receipt
    assert statement_of(read) == statement_of(receipt)


def test_a_statement_is_about_the_package_and_the_commit() -> None:
    receipt = an_actions_receipt()
    statement = json.loads(statement_of(receipt))
    assert statement["predicateType"] == ACTIONS_PREDICATE_TYPE
    package, commit = statement["subject"]
    assert package["name"] == "com.example.spell@1.0.0"
    assert commit == {
        "name": "acme/resizer/.github/workflows/spell.yml",
        "digest": {"gitCommit": COMMIT},
    }
    assert statement["predicate"]["run"]["github"] == {
        "commit": COMMIT,
        "run_id": 5,
        "run_attempt": 1,
        "html_url": "https://github.example/runs/5",
        "conclusion": "success",
        "started_at": "2026-11-25T12:00:00Z",
        "ended_at": "2026-11-25T12:00:03Z",
    }


def test_without_a_commit_it_is_about_the_package_alone() -> None:
    receipt = an_actions_receipt(commit=None)
    assert len(json.loads(statement_of(receipt))["subject"]) == 1
    assert read_statement(statement_of(receipt)) == receipt


def test_neither_kind_of_receipt_passes_for_the_other() -> None:
    for receipt, other in (
        (an_actions_receipt(), PREDICATE_TYPE),
        (a_receipt(), ACTIONS_PREDICATE_TYPE),
    ):
        statement = json.loads(statement_of(receipt))
        with pytest.raises(ReceiptRefusedError, match="predicate"):
            read_statement(json.dumps({**statement, "predicateType": other}).encode())


@pytest.mark.parametrize("commit", [None, "d" * 40])
def test_another_commit_contradicts_the_subject(commit: str | None) -> None:
    statement = json.loads(statement_of(an_actions_receipt()))
    statement["predicate"]["run"]["github"]["commit"] = commit
    with pytest.raises(ReceiptRefusedError, match="subjects are not"):
        read_statement(json.dumps(statement).encode())


def test_time_is_that_of_githubs_clock_whatever_the_cast_took() -> None:
    receipt = an_actions_receipt()
    assert receipt.usage.wall_ms == 3_000
    assert wrong(standing_checks(used(receipt, 3_001))) == ["cost", "time by GitHub's clock"]
    later = with_word(receipt, ended_at=BEGAN + timedelta(seconds=4))
    assert wrong(standing_checks(later)) == ["time by GitHub's clock"]


def test_more_time_than_the_limit_is_charged_as_the_limit() -> None:
    receipt = an_actions_receipt(ended_at=BEGAN + timedelta(hours=1))
    assert receipt.usage.wall_ms == receipt.run.limits.timeout_ms
    assert wrong(standing_checks(receipt)) == []
    over = used(receipt, receipt.run.limits.timeout_ms + 1)
    assert "usage within limits" in wrong(standing_checks(over))


def test_a_success_rests_on_githubs_word() -> None:
    receipt = an_actions_receipt()
    for conclusion in ("failure", None):
        doubtful = with_word(receipt, conclusion=conclusion)
        assert wrong(standing_checks(doubtful)) == ["conclusion"]


def test_digests_are_those_of_inputs_output_and_artifacts() -> None:
    receipt = an_actions_receipt(inputs='{"n":1}', output=b'{"ok": true}\n')
    assert input_check(receipt, b'{"n":1}').passed
    assert output_check(receipt, b'{"ok": true}\n').passed
    (report,) = receipt.run.artifacts
    assert artifact_check(report, receipt.run.salt, REPORT).passed
    assert not input_check(receipt, b'{"n":2}').passed
    assert not output_check(receipt, b'{"ok":true}').passed
    assert not artifact_check(report, receipt.run.salt, b"<svg />").passed
    missing = artifact_check(report, receipt.run.salt, None)
    assert (missing.passed, missing.found) == (False, "none")


@pytest.mark.parametrize("end", ENDS, ids=str)
def test_no_run_on_actions_replays_and_the_refusal_says_why(end: dict[str, Any]) -> None:
    refusal = replay_refusal(an_actions_receipt(**end))
    assert refusal is not None
    assert "ran on GitHub Actions" in refusal
