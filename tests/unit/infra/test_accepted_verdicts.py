"""Whatever is accepted as a cast's verdict, the cast comes to an end by it."""

import json
from typing import Any

import pytest

from infra.accepted_verdicts import read_verdict
from schema.contracts.run import RUN_SCHEMA_VERSION, Outcome, Verdict
from schema.errors import SpellError
from tests.modules.fleet import new_cast_id

CAST_ID = new_cast_id()
LOST = Verdict(cast_id=CAST_ID, outcome=Outcome.LOST, code="RUNNER_LOST")


def a_verdict(**members: Any) -> bytes:
    verdict = {"cast_id": CAST_ID, "outcome": "failed", "code": "SPELL_FAILED", "engine": "e"}
    return json.dumps({**verdict, **members}).encode()


def test_a_verdict_is_taken_as_it_is() -> None:
    assert read_verdict(CAST_ID, a_verdict()) == Verdict.model_validate_json(a_verdict())
    assert read_verdict(CAST_ID, a_verdict()).code == "SPELL_FAILED"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        b"[" * 100_000,
        a_verdict(engine="e\0"),  # the database takes no such text, and settling never ended
        a_verdict(runner_id="r" * 129),
        a_verdict(details={"half": "\ud800"}),
        a_verdict(code="NO_SUCH"),
        a_verdict(usage={"fuel": 10**30}),
        a_verdict(unknown=1),
        a_verdict(details={"much": "x" * 64 * 1024}),
        a_verdict(cast_id=new_cast_id()),
    ],
)
def test_what_is_no_verdict_of_the_cast_ends_it_uncharged(body: bytes) -> None:
    assert read_verdict(CAST_ID, body) == LOST


def test_a_verdict_of_a_newer_version_is_left_to_a_newer_worker() -> None:
    with pytest.raises(SpellError) as refused:
        read_verdict(CAST_ID, a_verdict(schema_version=RUN_SCHEMA_VERSION + 1, unknown=1))
    assert refused.value.code == "SERVICE_UNAVAILABLE"
