"""Jobs of the local GitHub that are in the queue, or never ran: as GitHub lists them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.actions_host import REPOSITORY, Served, serving

_TWO = b"""name: w
on: workflow_dispatch
jobs:
  one:
    name: The first
    runs-on: ubuntu-latest
    steps: [{run: 'false'}]
  two:
    needs: one
    runs-on: ubuntu-latest
    steps: [{run: 'true'}]
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path, {".github/workflows/w.yml": _TWO}) as served:
        yield served


def jobs_of(served: Served, run_id: int) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = served.get(f"actions/runs/{run_id}/jobs")["jobs"]
    return jobs


def test_a_job_in_the_queue_has_a_start_but_no_runner_and_no_step(served: Served) -> None:
    served.http.post("/_local/faults", json={"kind": "stuck_run"}).raise_for_status()
    run_id = served.dispatch()
    queued = jobs_of(served, run_id)
    assert [(job["name"], job["status"]) for job in queued] == [
        *(("The first", "queued"), ("two", "queued"))
    ]
    assert all(job["started_at"] and not job["steps"] and not job["runner_id"] for job in queued)
    served.http.post(f"{REPOSITORY}/actions/runs/{run_id}/cancel").raise_for_status()
    served.wait(run_id)
    ended = jobs_of(served, run_id)
    assert [job["id"] for job in ended] == [job["id"] for job in queued]
    assert {(job["status"], job["conclusion"]) for job in ended} == {("completed", "cancelled")}
    assert all(job["completed_at"] and not job["steps"] and not job["runner_id"] for job in ended)


def test_a_job_that_begins_keeps_its_id_and_one_that_cannot_is_skipped(served: Served) -> None:
    served.http.post("/_local/faults", json={"kind": "slow_run", "seconds": 1}).raise_for_status()
    run_id = served.dispatch()
    queued = jobs_of(served, run_id)
    assert served.wait(run_id)["conclusion"] == "failure"
    first, second = jobs_of(served, run_id)
    assert [first["id"], second["id"]] == [job["id"] for job in queued]
    assert (first["name"], first["conclusion"], first["runner_id"]) == ("The first", "failure", 1)
    assert first["steps"]
    assert (second["name"], second["conclusion"], second["runner_id"]) == ("two", "skipped", 0)
    assert second["steps"] == []
