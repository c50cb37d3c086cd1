"""Goal: each answer of GitHub becomes the one failure that it is. Method: a server that gives it.

The question that counts is whether a dispatch may have been taken: only then nobody may ask again.
"""

import base64
import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest

from infra.github.actions_host import GitHubActions
from schema.contracts.actions import ActionsArtifact, ActionsLook, ActionsRunRef, ActionsState
from schema.contracts.plans import Dispatch
from schema.errors import SpellError
from tests.support.scripted_github import (
    TOKEN,
    WORKFLOW_YAML,
    Answer,
    Asked,
    ScriptedGitHub,
    an_actions_plan,
    scripted_github,
)

CAST = f"cast_{'a' * 16}_{'b' * 26}"
RUN = ActionsRunRef(repo="acme/resizer", run_id=5, html_url="https://github.example/runs/5")
SINCE = datetime(2026, 11, 25, 12, tzinfo=UTC)
INPUTS = {"inputs_url": "https://spell.example/v1/run-inputs/a-secret"}


@pytest.fixture
def github() -> Iterator[ScriptedGitHub]:
    with scripted_github() as scripted:
        yield scripted


def dispatch_answers(github: ScriptedGitHub, *answers: Answer) -> None:
    """The first dispatches are answered so, then nothing is."""
    left = list(answers)

    def script(asked: Asked) -> Answer | None:
        return left.pop(0) if asked.path.endswith("/dispatches") else None

    github.script = script


def refused(github: ScriptedGitHub, **changes: Any) -> SpellError:
    with pytest.raises(SpellError) as caught:
        github.host.dispatch(an_actions_plan(**changes), CAST, INPUTS)
    return caught.value


def dispatches(github: ScriptedGitHub) -> list[Asked]:
    return github.asked_for("POST", "/dispatches")


def test_a_dispatch_names_the_cast_and_the_run_is_known_at_once(github: ScriptedGitHub) -> None:
    told = {"workflow_run_id": 5, "run_url": "api", "html_url": RUN.html_url}
    dispatch_answers(github, Answer(200, told))
    assert github.host.dispatch(an_actions_plan(), CAST, INPUTS) == RUN
    (asked,) = dispatches(github)
    assert asked.path == "/repos/acme/resizer/actions/workflows/spell.yml/dispatches"
    assert asked.body["inputs"] == {"cast_id": CAST, **INPUTS}
    assert asked.headers["authorization"] == f"token {TOKEN}"


def test_a_token_is_for_one_repository_and_no_more_than_is_needed(github: ScriptedGitHub) -> None:
    dispatch_answers(github, Answer(204), Answer(204))
    host = github.host
    for _ in range(2):
        host.dispatch(an_actions_plan(), CAST, INPUTS)
    (asked,) = github.asked_for("POST", "/access_tokens")
    assert asked.body == {
        "repositories": ["resizer"],
        "permissions": {"actions": "write", "contents": "read"},
    }


def test_a_repository_dispatch_gives_a_payload_and_names_no_run(github: ScriptedGitHub) -> None:
    dispatch_answers(github, Answer(204))
    plan = an_actions_plan(dispatch=Dispatch.REPOSITORY)
    assert github.host.dispatch(plan, CAST, INPUTS) is None
    (asked,) = dispatches(github)
    assert asked.path == "/repos/acme/resizer/dispatches"
    assert asked.body == {
        "event_type": "spell-cast",
        "client_payload": {"cast_id": CAST, **INPUTS},
    }


def test_a_server_that_knows_no_run_details_is_asked_without(github: ScriptedGitHub) -> None:
    message = 'Invalid request.\n\n"return_run_details" is not a permitted key.'
    dispatch_answers(github, Answer(422, {"message": message}), Answer(204))
    assert github.host.dispatch(an_actions_plan(), CAST, INPUTS) is None
    assert "return_run_details" not in dispatches(github)[1].body


@pytest.mark.parametrize(
    "answer",
    [
        *(Answer(status, {"message": "Server Error"}) for status in (500, 502, 503, 504)),
        Answer(drop=True),
    ],
    ids=lambda answer: "dropped" if answer.drop else str(answer.status),
)
def test_what_may_have_been_taken_is_unknown_and_asked_once(
    github: ScriptedGitHub, answer: Answer
) -> None:
    dispatch_answers(github, answer)
    assert refused(github).code == "DISPATCH_UNKNOWN"
    assert len(dispatches(github)) == 1


def test_a_server_that_is_not_there_certainly_took_nothing(github: ScriptedGitHub) -> None:
    dispatch_answers(github, Answer(204))
    app = github.app
    host = GitHubActions(app)
    host.dispatch(an_actions_plan(), CAST, INPUTS)
    # The token is known; from now on nobody listens.
    app.api_url = "http://127.0.0.1:9"
    with pytest.raises(SpellError, match="SERVICE_UNAVAILABLE"):
        host.dispatch(an_actions_plan(), CAST, INPUTS)


@pytest.mark.parametrize(
    ("status", "headers", "message", "seconds"),
    [
        (403, {"retry-after": "37"}, "You have exceeded a secondary rate limit", 37),
        (429, {"retry-after": "12"}, "slow down", 12),
        (403, {}, "You have exceeded a secondary rate limit", 60),
        (
            403,
            {
                "x-ratelimit-remaining": "0",
                "x-ratelimit-reset": "1700000090",
                "date": "Tue, 14 Nov 2023 22:13:20 GMT",
            },
            "API rate limit exceeded",
            90,
        ),
        (429, {"retry-after": "999999"}, "", 3600),
    ],
)
def test_a_rate_limit_says_how_long_to_wait(
    github: ScriptedGitHub, status: int, headers: dict[str, str], message: str, seconds: int
) -> None:
    dispatch_answers(github, Answer(status, {"message": message}, headers))
    error = refused(github)
    assert error.code == "RATE_LIMITED"
    assert error.retry_after == seconds


def test_who_is_limited_is_not_asked_again_for_anybody_of_that_owner(
    github: ScriptedGitHub,
) -> None:
    """A hundred casts that look at their runs meanwhile are a hundred reasons to ban the App."""
    limited = Answer(403, {"message": "You have exceeded a secondary rate limit"})
    github.script = lambda asked: limited if "/acme/resizer/actions" in asked.path else None
    host = github.host
    for _ in range(3):
        with pytest.raises(SpellError) as caught:
            host.look(RUN)
        assert caught.value.code == "RATE_LIMITED"
        assert caught.value.retry_after is not None
        assert 50 < caught.value.retry_after <= 60
    with pytest.raises(SpellError):
        host.dispatch(an_actions_plan(repo="Acme/other"), CAST, INPUTS)
    assert len(github.asked_for("GET", "/acme/resizer/actions/runs/5")) == 1
    assert dispatches(github) == []
    with pytest.raises(SpellError) as other:
        host.look(RUN.model_copy(update={"repo": "elsewhere/tool"}))
    assert other.value.code == "ACTIONS_RUN_LOST", "another owner is asked"


def test_what_github_does_not_let_the_app_do_says_how_to_install(github: ScriptedGitHub) -> None:
    dispatch_answers(github, Answer(403, {"message": "Resource not accessible by integration"}))
    error = refused(github)
    assert error.code == "FORBIDDEN_REPO"
    url = "https://github.example/apps/spell-platform/installations/new"
    assert error.details["install_url"] == url


@pytest.mark.parametrize(
    ("status", "message"),
    [(404, "Not Found"), (422, "Workflow does not have 'workflow_dispatch' trigger")],
)
def test_what_cannot_be_dispatched_is_not_found(
    github: ScriptedGitHub, status: int, message: str
) -> None:
    dispatch_answers(github, Answer(status, {"message": message}))
    error = refused(github)
    assert error.code == "WORKFLOW_NOT_FOUND"
    assert error.details["github"] == message


def test_a_revoked_token_is_asked_for_anew(github: ScriptedGitHub) -> None:
    dispatch_answers(github, Answer(401, {"message": "Bad credentials"}), Answer(204))
    host = github.host
    with pytest.raises(SpellError, match="SERVICE_UNAVAILABLE"):
        host.dispatch(an_actions_plan(), CAST, INPUTS)
    host.dispatch(an_actions_plan(), CAST, INPUTS)
    assert len(github.asked_for("POST", "/access_tokens")) == 2


@pytest.mark.parametrize(
    "installation",
    [
        {"id": 7, "permissions": {"actions": "read", "contents": "read"}},
        {"id": 7, "permissions": {}},
        {"id": 7, "permissions": {"actions": "write", "contents": "read"}, "suspended_at": "2026"},
    ],
)
def test_an_installation_that_is_too_little_is_refused(
    github: ScriptedGitHub, installation: dict[str, Any]
) -> None:
    github.installation = installation
    with pytest.raises(SpellError) as caught:
        github.host.check(an_actions_plan())
    assert caught.value.code == "FORBIDDEN_REPO"
    missing = caught.value.details.get("missing_permissions", {})
    assert ("suspended_at" in installation) or missing["actions"] == "write"


def test_no_token_and_no_address_is_in_any_message(github: ScriptedGitHub) -> None:
    secret_location = f"{github.url}/blob?sig=a-secret"

    def script(asked: Asked) -> Answer | None:
        if asked.path.startswith("/blob"):
            return Answer(drop=True)
        if asked.path.endswith("/zip"):
            return Answer(302, headers={"location": secret_location})
        return Answer(500, {"message": "oops"}) if asked.path.endswith("/dispatches") else None

    github.script = script
    artifact = ActionsArtifact(artifact_id=9, name="spell-output", bytes=10)
    for call in (
        lambda: github.host.dispatch(an_actions_plan(), CAST, INPUTS),
        lambda: github.host.download(RUN, artifact, 1000),
    ):
        with pytest.raises(SpellError) as caught:
            call()
        assert caught.value.__cause__ is None
        shown = f"{caught.value!r} {caught.value.details}"
        assert not any(secret in shown for secret in (TOKEN, "a-secret", "PRIVATE KEY"))


def test_a_workflow_that_is_disabled_or_not_started_so_is_not_found(
    github: ScriptedGitHub,
) -> None:
    state, source = "active", WORKFLOW_YAML

    def script(asked: Asked) -> Answer | None:
        if asked.path.startswith("/repos/acme/resizer/actions/workflows/spell.yml"):
            return Answer(200, {"id": 1, "state": state, "path": ".github/workflows/spell.yml"})
        if "/contents/" in asked.path:
            return Answer(200, {"content": base64.b64encode(source).decode(), "size": len(source)})
        return None

    github.script = script
    github.host.check(an_actions_plan())
    state = "disabled_manually"
    with pytest.raises(SpellError, match="WORKFLOW_NOT_FOUND"):
        github.host.check(an_actions_plan())
    state, source = "active", b"on: push\n"
    with pytest.raises(SpellError, match="workflow_dispatch"):
        github.host.check(an_actions_plan())


def test_a_run_is_found_by_its_exact_name_of_the_same_file(github: ScriptedGitHub) -> None:
    def run(
        number: int, title: str, path: str = ".github/workflows/spell.yml@main"
    ) -> dict[str, Any]:
        return {"id": number, "display_title": title, "path": path, "html_url": f"u{number}"}

    runs = [
        run(1, CAST, ".github/workflows/other.yml"),
        run(2, f"{CAST} "),
        run(4, CAST),
        run(3, CAST),
    ]
    github.script = lambda a: Answer(200, {"workflow_runs": runs}) if "/runs?" in a.path else None
    found = github.host.find(an_actions_plan(), CAST, SINCE)
    assert found is not None
    assert found.run_id == 3
    asked = github.asked[-1].path
    assert "event=workflow_dispatch" in asked
    assert "created=%3E%3D2026-11-25T11%3A58%3A00Z" in asked


def test_a_run_that_was_deleted_is_lost_and_one_that_ended_stays(github: ScriptedGitHub) -> None:
    github.script = lambda a: Answer(409, {}) if a.path.endswith("/cancel") else None
    github.host.cancel(RUN)
    with pytest.raises(SpellError, match="ACTIONS_RUN_LOST"):
        github.host.look(RUN)


def look_at(github: ScriptedGitHub, conclusion: str, *jobs: dict[str, Any]) -> ActionsLook:
    """A run that ended so, with these jobs."""
    run = {"id": 5, "status": "completed", "conclusion": conclusion, "run_attempt": 1}

    def script(asked: Asked) -> Answer | None:
        if "/jobs" in asked.path:
            return Answer(200, {"jobs": jobs})
        return Answer(200, run) if asked.path.endswith("/runs/5") else None

    github.script = script
    return github.host.look(RUN)


def a_job(begin: int, end: int, conclusion: str, *, runner: int | None = 7) -> dict[str, Any]:
    """A job that has ended, as GitHub lists it; from minute to minute."""
    times = {
        "started_at": f"2026-11-25T12:{begin:02}:00Z",
        "completed_at": f"2026-11-25T12:{end:02}:00Z",
    }
    named = {"name": "a", "status": "completed", "conclusion": conclusion}
    return {**named, **times, "runner_id": runner, "steps": []}


def test_times_are_of_jobs_that_ran(github: ScriptedGitHub) -> None:
    look = look_at(
        github,
        "success",
        a_job(1, 59, "skipped", runner=None),
        a_job(3, 5, "success"),
        a_job(4, 9, "success"),
    )
    assert (look.state, look.conclusion) == (ActionsState.COMPLETED, "success")
    assert look.started_at is not None
    assert look.ended_at is not None
    assert (look.started_at.minute, look.ended_at.minute) == (3, 9)


@pytest.mark.parametrize("runner", [0, None])
def test_a_job_that_was_cancelled_in_the_queue_never_ran(
    github: ScriptedGitHub, runner: int | None
) -> None:
    """GitHub says when it began (when it was queued), and that it completed; nobody pays for it."""
    look = look_at(github, "cancelled", a_job(3, 18, "cancelled", runner=runner))
    assert (look.state, look.conclusion) == (ActionsState.COMPLETED, "cancelled")
    assert (look.started_at, look.ended_at) == (None, None)


def a_zip(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_a_download_goes_without_our_token_and_is_checked(github: ScriptedGitHub) -> None:
    content = a_zip(output=b"{}")
    digest = f"sha256:{sha256(content).hexdigest()}"
    location = f"{github.url}/blob"

    def script(asked: Asked) -> Answer | None:
        if asked.path.startswith("/blob"):
            return Answer(200, content=content)
        return Answer(302, headers={"location": location}) if asked.path.endswith("/zip") else None

    github.script = script
    artifact = ActionsArtifact(artifact_id=9, name="a", bytes=len(content), digest=digest)
    assert github.host.download(RUN, artifact, len(content)) == content
    assert "authorization" not in github.asked[-1].headers
    with pytest.raises(SpellError, match="OUTPUT_TOO_LARGE"):
        github.host.download(RUN, artifact, len(content) - 1)
    other = artifact.model_copy(update={"digest": "sha256:" + "0" * 64})
    with pytest.raises(SpellError, match="OUTPUT_INVALID"):
        github.host.download(RUN, other, len(content))
    location = "http://169.254.169.254/latest/meta-data"
    with pytest.raises(SpellError, match="SERVICE_UNAVAILABLE"):
        github.host.download(RUN, artifact, len(content))


def test_a_name_that_is_too_long_is_no_trouble_of_githubs(github: ScriptedGitHub) -> None:
    listed = {"artifacts": [{"id": 1, "name": "x" * 1000, "size_in_bytes": 5}]}
    github.script = lambda asked: Answer(200, listed) if "/artifacts" in asked.path else None
    (artifact,) = github.host.artifacts(RUN)
    assert artifact.name == "x" * 256


def test_logs_are_the_end_of_whole_jobs(github: ScriptedGitHub) -> None:
    content = a_zip(**{"0_build.txt": b"first\n", "1_test.txt": b"last", "build/1_x.txt": b"no"})

    def script(asked: Asked) -> Answer | None:
        if asked.path.startswith("/blob"):
            return Answer(200, content=content)
        location = {"location": f"{github.url}/blob"}
        return Answer(302, headers=location) if asked.path.endswith("/logs") else None

    github.script = script
    assert github.host.logs(RUN, 1000) == b"first\nlast\n"
    assert github.host.logs(RUN, 5) == b"last\n"
    github.script = lambda a: Answer(410, {}) if a.path.endswith("/logs") else None
    assert github.host.logs(RUN, 1000) == b""
