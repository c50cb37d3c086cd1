"""The local GitHub's answers, held against GitHub's own description of them."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.actions_host import REPOSITORY, SAMPLE, Served, serving
from tests.support.github_description import Description

_SAMPLE = {".github/workflows/cast.yml": SAMPLE.read_bytes()}
_WORKFLOW = f"{REPOSITORY}/actions/workflows/cast.yml"
# Each of these was asked for, answered, and found to be as described.
_RUN = "/repos/{owner}/{repo}/actions/runs/{run_id}"
_EXPECTED = {
    ("get", "/repos/{owner}/{repo}/actions/workflows", 200),
    ("get", "/repos/{owner}/{repo}/actions/workflows/{workflow_id}", 200),
    ("get", "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs", 200),
    ("post", "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches", 200),
    ("post", "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches", 204),
    ("post", "/repos/{owner}/{repo}/dispatches", 204),
    ("post", "/repos/{owner}/{repo}/dispatches", 422),
    ("get", "/repos/{owner}/{repo}/actions/runs", 200),
    ("get", _RUN, 200),
    ("get", _RUN + "/jobs", 200),
    ("get", _RUN + "/attempts/{attempt_number}/jobs", 200),
    ("get", _RUN + "/logs", 302),
    ("get", _RUN + "/artifacts", 200),
    ("post", _RUN + "/cancel", 409),
    ("post", _RUN + "/cancel", 202),
    ("post", _RUN + "/force-cancel", 202),
    ("post", _RUN + "/rerun", 201),
    ("delete", _RUN, 204),
    ("get", "/repos/{owner}/{repo}/actions/jobs/{job_id}", 200),
    ("get", "/repos/{owner}/{repo}/actions/jobs/{job_id}/logs", 302),
    ("get", "/repos/{owner}/{repo}/actions/artifacts", 200),
    ("get", "/repos/{owner}/{repo}/actions/artifacts/{artifact_id}", 200),
    ("get", "/repos/{owner}/{repo}/actions/artifacts/{artifact_id}/{archive_format}", 302),
    ("delete", "/repos/{owner}/{repo}/actions/artifacts/{artifact_id}", 204),
    ("get", "/app/hook/deliveries", 200),
}


@pytest.fixture(scope="module")
def description() -> Description:
    return Description.fetched()


@pytest.fixture
def served(tmp_path: Path, description: Description) -> Iterator[Served]:
    with serving(tmp_path, _SAMPLE) as served:
        description.watch(served.http)
        yield served


def test_every_answer_of_the_actions_half_is_as_github_describes_it(
    served: Served, description: Description
) -> None:
    run_id = _dispatches(served)
    _reads(served, run_id)
    _ends(served, run_id)
    assert description.checked == _EXPECTED


def _dispatches(served: Served) -> int:
    inputs = {"cast_id": "c", "inputs_url": f"{served.url}/_local/faults"}
    run_id = served.dispatch("cast.yml", **inputs)
    served.http.post(f"{_WORKFLOW}/dispatches", json={"ref": "main", "inputs": inputs})
    payload = {"event_type": "cast", "client_payload": inputs}
    served.http.post(f"{REPOSITORY}/dispatches", json=payload)
    too_much = {"event_type": "cast", "client_payload": {f"k{n}": n for n in range(11)}}
    served.http.post(f"{REPOSITORY}/dispatches", json=too_much)
    assert served.wait(run_id)["conclusion"] == "success"
    return run_id


def _reads(served: Served, run_id: int) -> None:
    for path in ("", "/cast.yml", "/cast.yml/runs"):
        served.get(f"actions/workflows{path}")
    served.get("actions/runs?per_page=1&page=2")
    served.get(f"actions/runs/{run_id}/attempts/1/jobs")
    (job,) = served.get(f"actions/runs/{run_id}/jobs")["jobs"]
    served.get(f"actions/jobs/{job['id']}")
    assert "spell-output" in served.log(run_id)
    served.http.get(f"{REPOSITORY}/actions/runs/{run_id}/logs")
    assert served.artifact(run_id)
    (artifact,) = served.get(f"actions/runs/{run_id}/artifacts")["artifacts"]
    served.get(f"actions/artifacts/{artifact['id']}")
    served.get("actions/artifacts")
    served.http.delete(f"{REPOSITORY}/actions/artifacts/{artifact['id']}")
    served.http.get("/app/hook/deliveries")


def _ends(served: Served, run_id: int) -> None:
    run = f"{REPOSITORY}/actions/runs/{run_id}"
    served.http.post(f"{run}/cancel")
    served.http.post(f"{run}/rerun")
    served.wait(run_id)
    served.http.delete(run)
    inputs = {"cast_id": "c", "inputs_url": f"{served.url}/_local/faults"}
    for way in ("cancel", "force-cancel"):
        served.http.post("/_local/faults", json={"kind": "slow_run", "seconds": 600})
        waiting = served.dispatch("cast.yml", **inputs)
        served.http.post(f"{REPOSITORY}/actions/runs/{waiting}/{way}")
        served.wait(waiting)


def test_an_answer_that_lacks_a_field_or_is_not_described_is_found_out(
    description: Description,
) -> None:
    request = httpx.Request("GET", f"http://github{REPOSITORY}/actions/runs/1")
    for status, body in ((200, {"id": 1}), (418, {})):
        with pytest.raises(AssertionError, match="actions/runs/{run_id} "):
            description.check(httpx.Response(status, json=body, request=request))
