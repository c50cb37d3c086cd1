"""Goal: a receipt names what a run left, and what names nothing keeps every byte that it had."""

import json
from typing import Any

import pytest

from schema.contracts.cast import ArtifactDigest
from schema.contracts.receipt import Receipt
from schema.contracts.replay import Replayed
from schema.receipt_checks import artifact_check, limits_check, replay_checks
from schema.receipts import (
    ReceiptRefusedError,
    artifact_digests,
    read_statement,
    salted_digest,
    statement_of,
)
from tests.support.receipts import a_receipt

OLD = a_receipt()
FILES = {"rows/1.csv": b"a,b", "chart.svg": b"<svg/>"}


def leaving(files: dict[str, bytes], bytes_max: int = 1000) -> Receipt:
    """The receipt of a run that could leave so much, and left these."""
    limits = OLD.run.limits.model_copy(update={"artifacts_bytes_max": bytes_max})
    left = artifact_digests(OLD.run.salt, files)
    run = OLD.run.model_copy(update={"limits": limits, "artifacts": left})
    usage = OLD.usage.model_copy(update={"artifact_bytes": sum(map(len, files.values()))})
    return OLD.model_copy(update={"run": run, "usage": usage})


def replay_of(receipt: Receipt, artifacts: list[ArtifactDigest]) -> Replayed:
    return Replayed(
        engine=receipt.engine,
        status=receipt.status,
        code=receipt.code,
        usage=receipt.usage,
        output_digest=receipt.run.output_digest,
        artifacts=artifacts,
    )


def test_an_older_receipt_says_nothing_of_artifacts_and_keeps_its_type() -> None:
    text = statement_of(OLD)
    assert b"artifact" not in text
    assert json.loads(text)["predicateType"] == "urn:spell-platform:receipt:v1"
    assert not [
        check for check in replay_checks(OLD, replay_of(OLD, [])) if "artifact" in check.name
    ]


def test_artifacts_are_named_in_order_with_salted_digests() -> None:
    receipt = leaving(FILES)
    statement = json.loads(statement_of(receipt))
    assert statement["predicateType"] == "urn:spell-platform:receipt:v2"
    assert [each["name"] for each in statement["predicate"]["run"]["artifacts"]] == sorted(FILES)
    first = statement["predicate"]["run"]["artifacts"][0]["digest"]
    assert first == salted_digest(OLD.run.salt, FILES["chart.svg"])
    assert read_statement(statement_of(receipt)) == receipt


@pytest.mark.parametrize("receipt", [OLD, leaving(FILES), leaving({})])
def test_neither_type_passes_for_the_other(receipt: Receipt) -> None:
    statement: dict[str, Any] = json.loads(statement_of(receipt))
    number = int(statement["predicateType"][-1])
    statement["predicateType"] = f"urn:spell-platform:receipt:v{3 - number}"
    with pytest.raises(ReceiptRefusedError, match="predicateType"):
        read_statement(json.dumps(statement).encode())


@pytest.mark.parametrize(
    "files",
    [{}, {"chart.svg": b"<svg/>"}, {**FILES, "more": b""}, {**FILES, "chart.svg": b"another"}],
    ids=["none", "fewer", "more", "another"],
)
def test_a_replay_must_leave_the_same(files: dict[str, bytes]) -> None:
    receipt = leaving(FILES)
    same = replay_checks(receipt, replay_of(receipt, receipt.run.artifacts))
    assert all(check.passed for check in same)
    found = replay_checks(receipt, replay_of(receipt, artifact_digests(OLD.run.salt, files)))
    assert [check.name for check in found if not check.passed] == ["replay artifacts"]


def test_a_file_is_compared_with_its_digest() -> None:
    (chart, _) = leaving(FILES).run.artifacts
    assert artifact_check(chart, OLD.run.salt, FILES["chart.svg"]).passed
    assert not artifact_check(chart, OLD.run.salt, b"another").passed
    assert not artifact_check(chart, OLD.run.salt, None).passed


def test_more_than_the_limit_does_not_hold() -> None:
    assert limits_check(leaving(FILES)).passed
    assert not limits_check(leaving(FILES, bytes_max=5)).passed
