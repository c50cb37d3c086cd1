"""Goal: the adapter for GitHub Actions does what its port says. Method: the local GitHub."""

import io
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.github.actions_host import GitHubActions
from infra.github.app import GitHubApp
from schema.contracts.actions import ActionsLook, ActionsRunRef, ActionsState
from schema.contracts.plans import ActionsLimits, ActionsPlan, Dispatch, Mode
from schema.errors import SpellError
from schema.pricing import FreePrice
from tests.support.local_github import APP_ID, LocalGitHub, local_github

INPUTS = {"cast_id": "cast_1", "inputs_url": "http://127.0.0.1:1/inputs"}
HEAD = """\
name: run
run-name: ${{ inputs.cast_id }}
on:
  workflow_dispatch:
    inputs:
      cast_id: {type: string}
      inputs_url: {type: string}
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
"""
LEAVES_OUTPUT = """\
      - run: |
          mkdir out
          echo '{"a": 1}' > out/output.json
      - uses: actions/upload-artifact@v4
        with: {name: spell-output, path: out}
"""
PLAN = ActionsPlan(
    mode=Mode.WORKFLOW,
    spell_key="com.acme.report",
    version="1.0.0",
    package_digest="sha256:" + "0" * 64,
    repo="maker/spell",
    workflow="run.yml",
    ref="main",
    dispatch=Dispatch.WORKFLOW,
    limits=ActionsLimits(timeout_ms=60_000),
    price=FreePrice(model="free"),
    maker_account_id="acct_aaaaaaaaaaaaaaaa",
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalGitHub]:
    with local_github(tmp_path) as started:
        with_steps(started, LEAVES_OUTPUT)
        yield started


@pytest.fixture
def host(server: LocalGitHub) -> GitHubActions:
    app = GitHubApp(
        api_url=server.url,
        pages_url=server.url,
        app_id=str(APP_ID),
        slug=server.app.slug,
        key=server.key,
    )
    return GitHubActions(app)


def with_steps(server: LocalGitHub, steps: str) -> int:
    """The maker's repository with such a workflow; its id."""
    files = {".github/workflows/run.yml": (HEAD + steps).encode()}
    return int(server.repository("maker/spell", files)["id"])


def dispatched(host: GitHubActions) -> ActionsRunRef:
    run = host.dispatch(PLAN, "cast_1", INPUTS)
    assert run is not None
    return run


def ended(host: GitHubActions, run: ActionsRunRef) -> ActionsLook:
    return until(host, run, ActionsState.COMPLETED)


def until(host: GitHubActions, run: ActionsRunRef, state: ActionsState) -> ActionsLook:
    ends_at = time.monotonic() + 60
    while (look := host.look(run)).state is not state:
        assert time.monotonic() < ends_at, f"the run stayed {look.state}"
        time.sleep(0.05)
    return look


def refusal(ask: Any, *arguments: Any) -> SpellError:
    with pytest.raises(SpellError) as caught:
        ask(*arguments)
    return caught.value


def test_where_the_app_is_not_installed_it_says_how_to_install(
    host: GitHubActions, server: LocalGitHub
) -> None:
    error = refusal(host.check, PLAN)
    assert error.code == "FORBIDDEN_REPO"
    install_url = f"{server.url}/apps/{server.app.slug}/installations/new"
    assert error.details["install_url"] == install_url


@pytest.mark.parametrize(
    "installation",
    [{"permissions": {"actions": "read", "contents": "read"}}, {"suspended": True}],
    ids=["too little", "suspended"],
)
def test_an_installation_that_may_not_dispatch_is_refused(
    host: GitHubActions, server: LocalGitHub, installation: dict[str, Any]
) -> None:
    server.install("maker", **installation)
    assert refusal(host.check, PLAN).code == "FORBIDDEN_REPO"


def test_a_workflow_that_is_not_there_is_told(host: GitHubActions, server: LocalGitHub) -> None:
    server.install("maker")
    host.check(PLAN)
    missing = PLAN.model_copy(update={"workflow": "other.yml"})
    assert refusal(host.check, missing).code == "WORKFLOW_NOT_FOUND"
    assert refusal(host.dispatch, missing, "cast_1", INPUTS).code == "WORKFLOW_NOT_FOUND"


def test_a_run_is_dispatched_found_followed_and_fetched(
    host: GitHubActions, server: LocalGitHub
) -> None:
    server.install("maker")
    begun = datetime.now(UTC) - timedelta(minutes=1)
    run = dispatched(host)
    assert host.find(PLAN, "cast_1", begun) == run
    assert host.find(PLAN, "cast_2", begun) is None
    look = ended(host, run)
    assert look.conclusion == "success"
    assert look.started_at is not None
    assert look.ended_at is not None
    assert look.started_at <= look.ended_at
    assert look.commit is not None, "a receipt names what was checked out"
    assert [job.name for job in look.jobs] == ["one"]
    (artifact,) = host.artifacts(run)
    archive = zipfile.ZipFile(io.BytesIO(host.download(run, artifact, 10_000)))
    assert archive.read("output.json") == b'{"a": 1}\n'
    assert b"upload-artifact" in host.logs(run, 100_000)


def test_nothing_is_dispatched_to_who_has_the_repositorys_name_now(
    host: GitHubActions, server: LocalGitHub
) -> None:
    """A maker who is gone leaves a name that anybody may take, and with it the casters' inputs."""
    server.install("maker")
    own = with_steps(server, LEAVES_OUTPUT)
    published = PLAN.model_copy(update={"repository_id": own})
    host.check(published)
    another = PLAN.model_copy(update={"repository_id": own + 1})
    for ask in (lambda: host.check(another), lambda: host.dispatch(another, "cast_1", INPUTS)):
        error = refusal(ask)
        assert error.code == "FORBIDDEN_REPO"
        assert "Another repository" in error.message
    assert host.find(PLAN, "cast_1", datetime.now(UTC) - timedelta(minutes=1)) is None
    assert host.dispatch(published, "cast_1", INPUTS) is not None


def test_an_artifact_beyond_the_limit_is_not_fetched(
    host: GitHubActions, server: LocalGitHub
) -> None:
    server.install("maker")
    run = dispatched(host)
    ended(host, run)
    (artifact,) = host.artifacts(run)
    assert refusal(host.download, run, artifact, 10).code == "OUTPUT_TOO_LARGE"


def test_a_step_that_fails_is_a_failure(host: GitHubActions, server: LocalGitHub) -> None:
    server.install("maker")
    with_steps(server, "      - run: exit 3\n")
    assert ended(host, dispatched(host)).conclusion == "failure"


def test_a_run_is_cancelled_and_again_harmlessly(host: GitHubActions, server: LocalGitHub) -> None:
    server.install("maker")
    with_steps(server, "      - run: sleep 60\n")
    run = dispatched(host)
    until(host, run, ActionsState.IN_PROGRESS)
    host.cancel(run)
    assert ended(host, run).conclusion == "cancelled"
    host.cancel(run)
