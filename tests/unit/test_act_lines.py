"""Reading what act prints."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.embedded.github.actions.act_lines import ActLines

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def _line(message: str, **more: Any) -> bytes:
    return json.dumps({"job": "w/one", "jobID": "one", "msg": message, **more}).encode()


@pytest.mark.parametrize("line", [b"", b"not json", b"[1]", b'{"msg": "of no job"}', b"\xff"])
def test_lines_of_no_job_say_nothing(line: bytes) -> None:
    assert ActLines({}, "w").take(line, NOW) is None


def test_a_step_that_prints_like_act_itself_begins_no_step() -> None:
    lines = ActLines({}, "w")
    lines.take(_line("⭐ Run Main echo", step="echo", stepID=["0"], stage="Main"), NOW)
    told = lines.take(_line("⭐ Run Main x", step="x", stepID=["1"], raw_output=True), NOW)
    assert told is not None
    assert [step.name for step in told.job.steps] == ["Run echo"]


def test_a_job_of_a_matrix_that_went_well_is_no_failure() -> None:
    lines = ActLines({}, "w")
    lines.take(_line("⭐ Run Main echo", step="echo", stepID=["0"]), NOW)
    lines.take(_line("Success", step="echo", stepID=["0"], stepResult="success"), NOW)
    told = lines.take(_line("Job failed", jobResult="failure"), NOW)
    assert told is not None
    assert told.job.conclusion == "success"


def test_a_job_that_ends_ends_its_steps() -> None:
    lines = ActLines({}, "w")
    lines.take(_line("⭐ Run Main echo", step="echo", stepID=["0"]), NOW)
    told = lines.take(_line("Job failed", jobResult="failure"), NOW)
    assert told is not None
    assert [step.conclusion for step in told.job.steps] == ["failure"]
