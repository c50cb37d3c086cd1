"""Goal: GitHub's deliveries wake whoever waits, and nothing else. Method: sign and send them.

Over HTTP into the real routes and tables; the workflows are told, so that the test sees what for.
"""

import hashlib
import hmac
import json
import secrets
from typing import Any, cast

import httpx
import pytest

from api.deps import Services
from api.github_inbox import GitHubInbox
from api.main import create_app
from infra.postgres import Database
from infra.repositories.actions_runs import PostgresActionsRuns
from infra.repositories.github_deliveries import PostgresGitHubDeliveries
from infra.repositories.run_inputs import StoredRunInputs
from schema.contracts.actions import ActionsRunRef, LateRun
from schema.errors import SpellError
from schema.ids import cast_id_for
from tests.support.fakes import MemoryBlobs
from tests.support.platform import make_vault
from tests.support.scripted_github import an_actions_plan

SECRET = "what only GitHub and we know"


class ToldWorkflows:
    """A port `ActionsWorkflows` that remembers what it was told."""

    def __init__(self) -> None:
        self.changed: list[str] = []
        self.late: list[LateRun] = []
        self.waits = True
        self.away = False

    async def run_changed(self, cast_id: str) -> bool:
        if self.away:
            raise SpellError("SERVICE_UNAVAILABLE")
        self.changed.append(cast_id)
        return self.waits

    async def cancel_late(self, late: LateRun) -> None:
        self.late.append(late)


class World:
    """The api, one cast that was dispatched, and what its workflow hears."""

    def __init__(self, database: Database, secret: str | None = SECRET) -> None:
        self.workflows = ToldWorkflows()
        self.runs = PostgresActionsRuns(database)
        self.inputs = StoredRunInputs(database, MemoryBlobs(), make_vault(), "http://api")
        deliveries = PostgresGitHubDeliveries(database)
        inbox = GitHubInbox(deliveries, self.runs, self.workflows, secret)
        unused = dict.fromkeys(Services.__dataclass_fields__, cast("Any", None))
        application = create_app()
        application.state.services = Services(
            **{**unused, "github_inbox": inbox, "run_inputs": self.inputs}
        )
        transport = httpx.ASGITransport(application)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://api")
        self.cast_id = cast_id_for(f"acct_{'a' * 16}", b"secret", secrets.token_hex(8))
        self.repo = f"acme/{secrets.token_hex(8)}"

    async def dispatch(self, run_id: int | None = None) -> None:
        await self.runs.intend(self.cast_id, an_actions_plan(repo=self.repo))
        if run_id is not None:
            run = ActionsRunRef(repo=self.repo, run_id=run_id, html_url="https://x")
            await self.runs.dispatched(self.cast_id, run)

    def run_event(self, **changes: Any) -> dict[str, Any]:
        run = {
            "id": 5,
            "display_title": self.cast_id,
            "path": ".github/workflows/spell.yml@main",
            "status": "in_progress",
            "run_attempt": 1,
            "html_url": "https://x",
            **changes,
        }
        repository = {"full_name": self.repo}
        return {"action": run["status"], "workflow_run": run, "repository": repository}

    async def deliver(
        self,
        document: Any,
        event: str = "workflow_run",
        *,
        delivery: str = "",
        signed: str = SECRET,
    ) -> httpx.Response:
        body = json.dumps(document).encode()
        signature = hmac.new(signed.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": delivery or secrets.token_hex(16),
            "X-Hub-Signature-256": f"sha256={signature}",
        }
        return await self.http.post("/v1/webhooks/github", content=body, headers=headers)


async def test_a_delivery_about_a_casts_run_wakes_its_workflow(database: Database) -> None:
    world = World(database)
    await world.dispatch()
    assert (await world.deliver(world.run_event())).status_code == 202
    assert world.workflows.changed == [world.cast_id]
    assert world.workflows.late == []


async def test_a_delivery_about_a_job_wakes_the_workflow_of_its_run(database: Database) -> None:
    world = World(database)
    await world.dispatch(run_id=5)
    for run_id in (5, 6, "5", True):
        document = {"workflow_job": {"run_id": run_id}, "repository": {"full_name": world.repo}}
        assert (await world.deliver(document, "workflow_job")).status_code == 202
    assert world.workflows.changed == [world.cast_id]


@pytest.mark.parametrize("signed", ["another secret", ""])
async def test_what_is_not_signed_by_github_is_refused(database: Database, signed: str) -> None:
    world = World(database)
    await world.dispatch()
    answer = await world.deliver(world.run_event(), signed=signed)
    assert (answer.status_code, answer.json()["code"]) == (401, "SIGNATURE_INVALID")
    assert world.workflows.changed == []


@pytest.mark.parametrize("secret", [None, ""])
async def test_without_a_secret_everything_is_refused(
    database: Database, secret: str | None
) -> None:
    world = World(database, secret)
    answer = await world.deliver(world.run_event(), signed="")
    assert answer.json()["code"] == "SIGNATURE_INVALID"


async def test_a_missing_signature_and_one_that_is_no_ascii_are_refused(
    database: Database,
) -> None:
    world = World(database)
    for signature in (b"", "sha256=é".encode()):
        headers = {b"Content-Type": b"application/json", b"X-Hub-Signature-256": signature}
        answer = await world.http.post("/v1/webhooks/github", content=b"{}", headers=headers)
        assert answer.status_code == 401


async def test_a_duplicate_changes_nothing(database: Database) -> None:
    world = World(database)
    await world.dispatch()
    for _ in range(3):
        answer = await world.deliver(world.run_event(), delivery="0-duplicate-" + world.repo[5:])
        assert answer.status_code == 202
    assert world.workflows.changed == [world.cast_id]


async def test_a_delivery_that_was_not_dealt_with_counts_when_it_comes_again(
    database: Database,
) -> None:
    world = World(database)
    await world.dispatch()
    delivery = secrets.token_hex(16)
    world.workflows.away = True
    assert (await world.deliver(world.run_event(), delivery=delivery)).status_code == 503
    world.workflows.away = False
    assert (await world.deliver(world.run_event(), delivery=delivery)).status_code == 202
    assert world.workflows.changed == [world.cast_id]


@pytest.mark.parametrize(
    "changes",
    [
        {"display_title": "Update the readme"},
        {"display_title": f"cast_{'z' * 16}_{'z' * 26}"},
        {"path": ".github/workflows/other.yml"},
        {"id": 6},
        {"id": "5"},
    ],
)
async def test_what_is_not_a_casts_run_is_taken_and_ignored(
    database: Database, changes: dict[str, Any]
) -> None:
    world = World(database)
    await world.dispatch(run_id=5)
    assert (await world.deliver(world.run_event(**changes))).status_code == 202
    assert world.workflows.changed == []


async def test_a_run_of_that_name_in_another_repository_is_ignored(database: Database) -> None:
    world = World(database)
    await world.dispatch()
    document = world.run_event() | {"repository": {"full_name": "mallory/copy"}}
    assert (await world.deliver(document)).status_code == 202
    assert world.workflows.changed == []


@pytest.mark.parametrize("event", ["ping", "installation", "installation_repositories", "push"])
async def test_other_events_are_taken(database: Database, event: str) -> None:
    world = World(database)
    assert (await world.deliver({"action": "created"}, event)).status_code == 202


async def test_a_run_that_appears_after_its_cast_is_cancelled(database: Database) -> None:
    world = World(database)
    world.workflows.waits = False
    await world.dispatch()
    for changes in ({}, {"status": "completed"}, {"run_attempt": 2}):
        await world.deliver(world.run_event(**changes))
    run = ActionsRunRef(repo=world.repo, run_id=5, html_url="https://x")
    assert world.workflows.late == [LateRun(cast_id=world.cast_id, run=run)]


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"{", 422), (b"[]", 422), (b"{" + b" " * (5 * 1024 * 1024) + b"}", 413)],
)
async def test_bodies_are_bounded_and_read_strictly(
    database: Database, content: bytes, status: int
) -> None:
    world = World(database)
    signature = hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "ping",
        "X-GitHub-Delivery": secrets.token_hex(16),
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    answer = await world.http.post("/v1/webhooks/github", content=content, headers=headers)
    assert answer.status_code == status


async def test_inputs_are_given_once_without_a_key_and_kept_by_nobody(database: Database) -> None:
    world = World(database)
    address = await world.inputs.offer(world.cast_id, '{"width":3}')
    first, second = [await world.http.get(address) for _ in range(2)]
    assert (first.status_code, first.json()) == (200, {"width": 3})
    assert first.headers["cache-control"] == "no-store"
    assert first.headers["content-type"] == "application/json"
    assert (second.status_code, second.json()["code"]) == (410, "LINK_EXPIRED")
    unknown = await world.http.get("http://api/v1/run-inputs/nobody-knows")
    assert unknown.status_code == 404
    assert "nobody-knows" not in unknown.text
