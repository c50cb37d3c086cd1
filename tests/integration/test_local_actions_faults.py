"""Dispatches that are refused, faults on order, webhooks and the delivery log."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.embedded.github.actions.host import WebhookTarget
from tests.support.actions_host import REPOSITORY, SAMPLE, Served, serving, workflow

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


class Receiver:
    """A webhook's receiver that checks signatures, and answers as it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, dict[str, Any]]] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["content-length"]))
                digest = hmac.new(_SECRET.encode(), content, hashlib.sha256).hexdigest()
                good = self.headers["x-hub-signature-256"] == f"sha256={digest}"
                delivery, event = self.headers["x-github-delivery"], self.headers["x-github-event"]
                receiver.heard.append((delivery, event, json.loads(content)))
                self.send_response(receiver.answers.pop(0) if receiver.answers else good and 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Keep test output quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def actions(self, event: str) -> list[str]:
        return [body["action"] for _, name, body in self.heard if name == event]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def receiver(served: Served) -> Iterator[Receiver]:
    receiver = Receiver()
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


def test_a_run_may_be_listed_late_and_start_late(served: Served) -> None:
    _order(served, kind="unlisted_run", seconds=3600)
    _order(served, kind="slow_run", seconds=3600)
    run_id = served.dispatch()
    assert _count(served) == 0
    assert served.run(run_id)["status"] == "queued"
    served.http.post(f"{REPOSITORY}/actions/runs/{run_id}/cancel").raise_for_status()
    assert served.wait(run_id)["conclusion"] == "cancelled"


def test_an_app_hears_of_a_run_and_its_job_in_order(served: Served, receiver: Receiver) -> None:
    run_id = served.dispatch()
    served.wait(run_id)
    _until(lambda: "completed" in receiver.actions("workflow_run"))
    assert receiver.actions("workflow_run") == ["requested", "in_progress", "completed"]
    assert receiver.actions("workflow_job") == ["queued", "in_progress", "completed"]
    last = receiver.heard[-1][2]
    assert last["workflow_run"]["id"] == run_id
    assert last["installation"]["id"] == 5


def test_webhooks_get_lost_and_doubled_on_order(served: Served, receiver: Receiver) -> None:
    _order(served, kind="webhook_lost", times=1)
    _order(served, kind="webhook_twice", times=1)
    served.wait(served.dispatch())
    _until(lambda: "completed" in receiver.actions("workflow_run"))
    assert receiver.actions("workflow_run") == ["in_progress", "in_progress", "completed"]
    assert receiver.heard[0][0] == receiver.heard[1][0]


def test_a_delivery_that_failed_can_be_asked_for_again(served: Served, receiver: Receiver) -> None:
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
