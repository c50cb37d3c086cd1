"""Dispatches that are refused, faults on order, webhooks and the delivery log."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.embedded.github.actions.host import WebhookTarget
from tests.support.actions_host import REPOSITORY, SAMPLE, Served, serving, workflow
from tests.support.hook_receiver import HookReceiver

_DISPATCHES = f"{REPOSITORY}/actions/workflows/w.yml/dispatches"
_QUICK = workflow("      - run: 'true'\n")
_SECRET = "a webhook's secret"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    other = b"on: push\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps: [{run: 'true'}]\n"
    files = {
        ".github/workflows/w.yml": _QUICK,
        ".github/workflows/push.yml": other,
        ".github/workflows/cast.yml": SAMPLE.read_bytes(),
    }
    with serving(tmp_path, files) as served:
        yield served


@pytest.fixture
def receiver(served: Served) -> Iterator[HookReceiver]:
    receiver = HookReceiver(_SECRET)
    assert served.host is not None
    events = frozenset({"workflow_run", "workflow_job"})
    served.host.webhooks.append(WebhookTarget(1, 5, receiver.url, _SECRET, events))
    yield receiver
    receiver.close()


def _until(done: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not done():
        assert time.monotonic() < until
        time.sleep(0.02)


def _order(served: Served, **fault: Any) -> None:
    served.http.post("/_local/faults", json=fault).raise_for_status()


def _count(served: Served) -> int:
    return int(served.get("actions/runs")["total_count"])


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("w.yml", {"ref": "nowhere"}, 422, "No ref found"),
        ("none.yml", {"ref": "main"}, 404, "Not Found"),
        ("push.yml", {"ref": "main"}, 422, "workflow_dispatch"),
        ("w.yml", {"ref": "main", "inputs": {"other": "1"}}, 422, "Unexpected inputs"),
        ("cast.yml", {"ref": "main", "inputs": {"cast_id": "c"}}, 422, "inputs_url"),
        ("w.yml", {"ref": "main", "inputs": {f"n{n}": "" for n in range(26)}}, 422, "25"),
    ],
)
def test_a_dispatch_that_does_not_fit_starts_nothing(
    served: Served, path: str, body: dict[str, Any], status: int, message: str
) -> None:
    answer = served.http.post(f"{REPOSITORY}/actions/workflows/{path}/dispatches", json=body)
    assert (answer.status_code, message in answer.json()["message"]) == (status, True), answer.text
    assert _count(served) == 0


def test_a_dispatch_without_asking_for_details_answers_nothing(served: Served) -> None:
    assert served.http.post(_DISPATCHES, json={"ref": "main"}).status_code == 204
    assert _count(served) == 1


@pytest.mark.parametrize(
    "payload", [{f"k{n}": 1 for n in range(11)}, {"k": "x" * 65_536}], ids=["keys", "bytes"]
)
def test_a_repository_dispatch_has_limits(served: Served, payload: dict[str, Any]) -> None:
    body = {"event_type": "cast", "client_payload": payload}
    assert served.http.post(f"{REPOSITORY}/dispatches", json=body).status_code == 422
    assert _count(served) == 0


def test_a_repository_dispatch_runs_whom_it_concerns_under_the_payloads_name(
    served: Served,
) -> None:
    payload = {"cast_id": "cast_9", "inputs_url": f"{served.url}/_local/faults"}
    body = {"event_type": "cast", "client_payload": payload}
    assert served.http.post(f"{REPOSITORY}/dispatches", json=body).status_code == 204
    (run,) = served.get("actions/runs?event=repository_dispatch")["workflow_runs"]
    assert run["display_title"] == "cast_9"
    assert served.wait(run["id"])["conclusion"] == "success"


@pytest.mark.parametrize(
    ("created", "found"),
    [("%3E=2020-01-01T00:00:00Z", 1), ("%3C2020-01-01", 0), ("2020-01-01..*", 1)],
)
def test_runs_are_listed_by_when_they_were_created(
    served: Served, created: str, found: int
) -> None:
    served.dispatch()
    assert served.get(f"actions/runs?created={created}")["total_count"] == found


@pytest.mark.parametrize(
    ("kind", "accepted"), [("error_before", 0), ("error_after", 1), ("drop_after", 1)]
)
def test_a_fault_of_a_dispatch_happens_once(served: Served, kind: str, accepted: int) -> None:
    _order(served, kind=kind)
    if kind == "drop_after":
        with pytest.raises(httpx.RemoteProtocolError):
            served.http.post(_DISPATCHES, json={"ref": "main"})
    else:
        assert served.http.post(_DISPATCHES, json={"ref": "main"}).status_code == 502
    assert _count(served) == accepted
    assert served.http.post(_DISPATCHES, json={"ref": "main"}).status_code == 204
    assert served.http.get("/_local/faults").json() == []


def test_rate_limits_say_when_to_try_again(served: Served) -> None:
    _order(served, kind="secondary_rate_limit", seconds=7, status=429)
    _order(served, kind="primary_rate_limit", seconds=7, repository="maker/spell")
    second = served.http.get(f"{REPOSITORY}/actions/runs")
    first = served.http.get(f"{REPOSITORY}/actions/runs")
    assert (second.status_code, second.headers["retry-after"]) == (429, "7")
    assert (first.status_code, first.headers["x-ratelimit-remaining"]) == (403, "0")


def test_a_fault_may_be_meant_for_one_address(served: Served) -> None:
    _order(served, kind="secondary_rate_limit", path="/artifacts")
    assert served.http.get(f"{REPOSITORY}/actions/runs").status_code == 200
    assert served.http.get(f"{REPOSITORY}/actions/artifacts").status_code == 403
    assert served.http.get("/_local/faults").json() == []


def test_a_slow_answer_is_to_what_is_done_at_once(served: Served) -> None:
    """Whoever gives up before it comes has started a run."""
    _order(served, kind="slow_answer", path="/dispatches", seconds=3)
    with pytest.raises(httpx.ReadTimeout):
        served.http.post(_DISPATCHES, json={"ref": "main"}, timeout=1)
    assert _count(served) == 1


def test_a_run_may_be_listed_late_and_start_late(served: Served) -> None:
    _order(served, kind="unlisted_run", seconds=3600)
    _order(served, kind="slow_run", seconds=3600)
    run_id = served.dispatch()
    assert _count(served) == 0
    assert served.run(run_id)["status"] == "queued"
    served.http.post(f"{REPOSITORY}/actions/runs/{run_id}/cancel").raise_for_status()
    assert served.wait(run_id)["conclusion"] == "cancelled"


def test_a_run_that_never_starts_stays_queued_until_it_is_cancelled(served: Served) -> None:
    _order(served, kind="stuck_run")
    stuck = served.dispatch()
    assert served.wait(served.dispatch())["conclusion"] == "success"
    assert served.place is not None
    served.place.engine.recover()
    assert served.wait(served.dispatch())["conclusion"] == "success"
    assert served.run(stuck)["status"] == "queued"
    served.http.post(f"{REPOSITORY}/actions/runs/{stuck}/cancel").raise_for_status()
    assert served.wait(stuck)["conclusion"] == "cancelled"


def test_a_fault_may_be_meant_for_one_kind_of_write(served: Served) -> None:
    _order(served, kind="slow_run", seconds=3600)
    run_id = served.dispatch()
    cancel = f"{REPOSITORY}/actions/runs/{run_id}/cancel"
    _order(served, kind="drop_before", write="cancel")
    _order(served, kind="error_before", write="cancel", status=503)
    _order(served, kind="secondary_rate_limit", write="cancel", seconds=3)
    assert served.http.post(_DISPATCHES, json={"ref": "main"}).status_code == 204
    assert served.http.post(cancel).headers["retry-after"] == "3"
    assert served.http.post(cancel).status_code == 503
    with pytest.raises(httpx.RemoteProtocolError):
        served.http.post(cancel)
    assert served.run(run_id)["status"] == "queued"
    assert served.http.post(cancel).status_code == 202


def test_an_app_hears_of_a_run_and_its_job_in_order(served: Served, receiver: HookReceiver) -> None:
    run_id = served.dispatch()
    served.wait(run_id)
    _until(lambda: "completed" in receiver.actions("workflow_run"))
    assert receiver.actions("workflow_run") == ["requested", "in_progress", "completed"]
    assert receiver.actions("workflow_job") == ["queued", "in_progress", "completed"]
    last = receiver.heard[-1][2]
    assert last["workflow_run"]["id"] == run_id
    assert last["installation"]["id"] == 5


def test_webhooks_get_lost_and_doubled_on_order(served: Served, receiver: HookReceiver) -> None:
    _order(served, kind="webhook_lost", times=1)
    _order(served, kind="webhook_twice", times=1)
    served.wait(served.dispatch())
    _until(lambda: "completed" in receiver.actions("workflow_run"))
    assert receiver.actions("workflow_run") == ["in_progress", "completed"]
    assert receiver.actions("workflow_job")[:3] == ["queued", "queued", "in_progress"]
    assert receiver.heard[0][0] == receiver.heard[1][0]


def test_webhooks_come_in_another_order_on_order(served: Served, receiver: HookReceiver) -> None:
    _order(served, kind="webhook_swapped")
    served.wait(served.dispatch())
    _until(lambda: "completed" in receiver.actions("workflow_run"))
    first = [(event, body["action"]) for _, event, body in receiver.heard[:2]]
    assert first == [("workflow_job", "queued"), ("workflow_run", "requested")]


def test_webhooks_come_late_on_order_and_hold_up_no_other(
    served: Served, receiver: HookReceiver
) -> None:
    _order(served, kind="webhook_late", seconds=3600)
    _order(served, kind="webhook_late", seconds=0)
    served.wait(served.dispatch())
    _until(lambda: {"in_progress", "completed"} <= set(receiver.actions("workflow_run")))
    assert "requested" not in receiver.actions("workflow_run")


def test_a_delivery_that_failed_can_be_asked_for_again(
    served: Served, receiver: HookReceiver
) -> None:
    receiver.answers = [500]
    served.wait(served.dispatch())
    _until(lambda: "completed" in receiver.actions("workflow_run"))
    log = served.http.get("/app/hook/deliveries").json()
    (failed,) = [delivery for delivery in log if delivery["status_code"] == 500]
    again = served.http.post(f"/app/hook/deliveries/{failed['id']}/attempts")
    assert again.status_code == 202
    _until(lambda: receiver.actions("workflow_run").count("requested") == 2)
    assert {delivery for delivery, _, body in receiver.heard if body["action"] == "requested"} == {
        failed["guid"]
    }
