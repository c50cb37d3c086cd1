"""Goal: one run on GitHub Actions for one cast, whatever happens. Method: a GitHub that is told.

Activities, records and inputs are the real ones, over real Postgres; the clock skips.
"""

from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowFailureError
from temporalio.testing import WorkflowEnvironment

from infra.postgres import Database
from schema.contracts.actions import LateState
from schema.contracts.problem import Problem
from schema.contracts.run import Outcome
from schema.errors import SpellError
from schema.ids import account_of_cast, actions_workflow_id
from tests.support.actions_platform import ActionsPlatform, ToldGitHub, a_zip

UNKNOWN = SpellError("DISPATCH_UNKNOWN")


@pytest.fixture
def client(fresh: WorkflowEnvironment) -> Client:
    """A clock of each test's own: what others leave open keeps a shared one from skipping."""
    return fresh.client


def code_of(problem: Problem | None) -> str | None:
    return problem.code if problem else None


async def test_a_success_gives_output_artifacts_logs_and_githubs_time(
    client: Client, database: Database
) -> None:
    github = ToldGitHub(seconds=42)
    github.uploads = {
        "spell-output": a_zip({"output.json": b'{"ok":true}', "thumb.png": b"png"}),
        "report": a_zip({"pages/one.html": b"<p>"}),
    }
    platform = ActionsPlatform(client, database, github)
    order = platform.order()
    outcome = await platform.run(order)
    assert (outcome.outcome, outcome.problem, outcome.engine) == (
        Outcome.SUCCEEDED,
        None,
        "github-actions",
    )
    assert outcome.usage is not None
    assert (outcome.usage.wall_ms, outcome.usage.fuel, outcome.usage.cpu_ms) == (42_000, 0, 0)
    assert [kept.name for kept in outcome.artifacts] == ["thumb.png", "report/pages/one.html"]
    owner = account_of_cast(order.cast_id)
    for key, content in (
        (outcome.output_key, b'{"ok":true}'),
        (outcome.stderr_key, b"the maker's own words\n"),
    ):
        assert key is not None
        assert platform.vault.decrypt(owner, platform.blobs.content[key]) == content
    assert github.dispatched == [order.cast_id]
    assert github.cancels == 0
    assert f"casts/{order.cast_id}/run-inputs" not in platform.blobs.content


async def test_inputs_go_by_an_address_and_never_in_the_dispatch(
    client: Client, database: Database
) -> None:
    platform = ActionsPlatform(client, database)
    await platform.run()
    (given,) = platform.github.given
    assert list(given) == ["inputs_url"]
    assert given["inputs_url"].startswith("https://spell.example/v1/run-inputs/")


@pytest.mark.parametrize(
    ("conclusion", "outcome", "code", "used"),
    [
        ("failure", Outcome.FAILED, "SPELL_FAILED", True),
        ("timed_out", Outcome.TIMED_OUT, "TIME_EXCEEDED", True),
        ("cancelled", Outcome.LOST, "ACTIONS_RUN_LOST", False),
        ("startup_failure", Outcome.LOST, "ACTIONS_RUN_LOST", False),
        ("action_required", Outcome.LOST, "ACTIONS_RUN_LOST", False),
        ("something_new", Outcome.LOST, "ACTIONS_RUN_LOST", False),
    ],
)
async def test_githubs_conclusion_decides(
    client: Client,
    database: Database,
    conclusion: str,
    outcome: Outcome,
    code: str,
    used: bool,
) -> None:
    platform = ActionsPlatform(client, database, ToldGitHub(conclusion))
    ended = await platform.run()
    assert (ended.outcome, code_of(ended.problem)) == (outcome, code)
    assert (ended.usage is not None) is used
    assert ended.problem is not None
    assert ended.problem.details["run_url"] == "https://github.example/runs/5"


@pytest.mark.parametrize(
    ("uploads", "code"),
    [
        ({}, "OUTPUT_INVALID"),
        ({"other": a_zip({"output.json": b"{}"})}, "OUTPUT_INVALID"),
        ({"spell-output": a_zip({"output.json": b"no json"})}, "OUTPUT_INVALID"),
        ({"spell-output": a_zip({"output.json": b'{"bad":true}'})}, "OUTPUT_INVALID"),
        ({"spell-output": b"no archive"}, "OUTPUT_INVALID"),
        ({"spell-output": a_zip({"output.json": b"{}", "../up": b""})}, "OUTPUT_INVALID"),
        ({"spell-output": a_zip({f"{n}.txt": b"" for n in range(33)})}, "OUTPUT_TOO_LARGE"),
    ],
)
async def test_output_that_is_not_as_promised_fails_the_cast(
    client: Client, database: Database, uploads: dict[str, bytes], code: str
) -> None:
    github = ToldGitHub()
    github.uploads = uploads
    ended = await ActionsPlatform(client, database, github).run()
    assert (ended.outcome, code_of(ended.problem)) == (Outcome.FAILED, code)
    assert ended.output_key is None
    assert ended.stderr_key is not None


async def test_a_run_over_its_time_is_cancelled_and_charged_to_its_limit_at_most(
    client: Client, database: Database
) -> None:
    github = ToldGitHub(None, seconds=100_000)
    ended = await ActionsPlatform(client, database, github, timeout_ms=90_000).run()
    assert (ended.outcome, code_of(ended.problem)) == (Outcome.TIMED_OUT, "TIME_EXCEEDED")
    assert github.cancels == 1
    assert ended.usage is not None
    assert ended.usage.wall_ms == 90_000


async def test_a_run_that_no_machine_takes_is_cancelled_uncharged(
    client: Client, database: Database
) -> None:
    github = ToldGitHub(None)
    github.starts = False
    ended = await ActionsPlatform(client, database, github).run()
    assert (code_of(ended.problem), ended.usage) == ("QUEUE_TIMEOUT", None)
    assert github.cancels == 1


async def test_a_run_that_began_while_it_was_given_up_proves_nothing(
    client: Client, database: Database
) -> None:
    """QUEUE_TIMEOUT lets a fallback run, so it must mean that no job ever began."""
    github = ToldGitHub(None)
    github.starts = github.obeys = False
    platform = ActionsPlatform(client, database, github)
    order = platform.order()
    async with platform.worker:
        ended = await (await platform.start(order)).result()
        github.obeys = True
        assert await platform.late_run(order)
    assert (ended.outcome, code_of(ended.problem)) == (Outcome.LOST, "ACTIONS_RUN_LOST")


async def test_a_stop_cancels_on_github_and_counts_what_was_used(
    client: Client, database: Database
) -> None:
    platform = ActionsPlatform(client, database, ToldGitHub(None, seconds=7))
    async with platform.worker:
        order = platform.order()
        handle = await platform.start(order)
        await platform.until_began(order)
        await handle.signal("stop", Problem.of(SpellError("CAST_CANCELLED")))
        ended = await handle.result()
    assert (ended.outcome, code_of(ended.problem)) == (Outcome.CANCELLED, "CAST_CANCELLED")
    assert ended.usage is not None
    assert ended.usage.wall_ms == 7_000
    assert platform.github.cancels == 1


@pytest.mark.parametrize("code", ["CAST_CANCELLED", "SPELL_REVOKED"])
async def test_a_stop_while_a_rate_limit_is_waited_out_keeps_the_dispatch_from_being_made(
    client: Client, database: Database, code: str
) -> None:
    github = ToldGitHub()
    github.dispatch_errors = [SpellError("RATE_LIMITED", retry_after=600)]
    platform = ActionsPlatform(client, database, github)
    order = platform.order()
    async with platform.worker:
        handle = await platform.start(order)
        await platform.until_refused(order)
        await handle.signal("stop", Problem.of(SpellError(code)))
        ended = await handle.result()
        assert await platform.late_run(order)
    assert (code_of(ended.problem), ended.usage) == (code, None)
    assert github.dispatched == []
    assert f"casts/{order.cast_id}/run-inputs" not in platform.blobs.content


async def test_a_cancel_while_a_rate_limit_is_waited_out_ends_the_dispatch_too(
    client: Client, database: Database
) -> None:
    github = ToldGitHub()
    github.dispatch_errors = [SpellError("RATE_LIMITED", retry_after=600)]
    platform = ActionsPlatform(client, database, github)
    order = platform.order()
    async with platform.worker:
        handle = await platform.start(order)
        await platform.until_refused(order)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        assert await platform.late_run(order)
        kinds = [event.event_type for event in (await handle.fetch_history()).events]
    assert EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED in kinds
    assert github.dispatched == []


async def test_a_stop_that_comes_too_late_changes_nothing(
    client: Client, database: Database
) -> None:
    github = ToldGitHub(None)
    platform = ActionsPlatform(client, database, github)
    async with platform.worker:
        order = platform.order()
        handle = await platform.start(order)
        await platform.until_began(order)
        github.conclusion = "success"
        await handle.signal("stop", Problem.of(SpellError("CAST_CANCELLED")))
        ended = await handle.result()
    assert ended.outcome is Outcome.SUCCEEDED


async def test_a_run_that_does_not_obey_is_left_to_be_cancelled_later(
    client: Client, database: Database
) -> None:
    github = ToldGitHub(None)
    github.obeys = False
    platform = ActionsPlatform(client, database, github)
    order = platform.order()
    async with platform.worker:
        handle = await platform.start(order)
        await platform.until_began(order)
        await handle.signal("stop", Problem.of(SpellError("CAST_CANCELLED")))
        ended = await handle.result()
        assert ended.outcome is Outcome.CANCELLED
        github.obeys = True
        assert await platform.late_run(order)
    assert github.cancels >= 2


@pytest.mark.parametrize("names_runs", [True, False])
async def test_an_unknown_dispatch_is_looked_up_and_never_repeated(
    client: Client,
    database: Database,
    names_runs: bool,
) -> None:
    github = ToldGitHub()
    github.names_runs = names_runs
    github.dispatch_errors = [UNKNOWN] if names_runs else []
    platform = ActionsPlatform(client, database, github)
    order = platform.order()
    ended = await platform.run(order)
    assert ended.outcome is Outcome.SUCCEEDED
    assert github.dispatched == [order.cast_id]


async def test_a_run_that_nobody_finds_ends_unknown_and_is_left_to_be_cancelled(
    client: Client, database: Database
) -> None:
    github = ToldGitHub(None)
    # The search takes two minutes; it appears after that.
    github.dispatch_errors, github.appears_after = [UNKNOWN], 30
    platform = ActionsPlatform(client, database, github)
    order = platform.order()
    async with platform.worker:
        ended = await (await platform.start(order)).result()
        assert (ended.outcome, code_of(ended.problem)) == (Outcome.LOST, "DISPATCH_UNKNOWN")
        assert ended.usage is None
        assert await platform.late_run(order)
    assert github.dispatched == [order.cast_id]


async def test_a_late_run_is_cancelled_when_it_appears(client: Client, database: Database) -> None:
    github = ToldGitHub(None)
    github.appears_after = 3
    platform = ActionsPlatform(client, database, github)
    order = platform.order()
    async with platform.worker:
        await platform.dispatch_and_die(order)
        assert await (await platform.cancel_late(order)).result() is LateState.ENDED
    assert github.cancels >= 1


async def test_a_late_run_that_never_appears_is_not_waited_for_for_ever(
    client: Client, database: Database
) -> None:
    platform = ActionsPlatform(client, database)
    order = platform.order()
    async with platform.worker:
        assert await (await platform.cancel_late(order)).result() is LateState.UNSEEN
    assert platform.github.cancels == 0


@pytest.mark.parametrize("code", ["RATE_LIMITED", "SERVICE_UNAVAILABLE"])
async def test_what_github_refused_for_certain_is_asked_again_in_its_time(
    client: Client, database: Database, code: str
) -> None:
    github = ToldGitHub()
    github.dispatch_errors = [SpellError(code, retry_after=120)]
    platform = ActionsPlatform(client, database, github)
    order = platform.order()
    async with platform.worker:
        handle = await platform.start(order)
        ended = await handle.result()
        description = await handle.describe()
    assert ended.outcome is Outcome.SUCCEEDED
    assert github.dispatched == [order.cast_id]
    took = description.close_time - description.start_time if description.close_time else None
    assert took is not None
    if code == "RATE_LIMITED":
        assert took >= timedelta(seconds=120)


@pytest.mark.parametrize("code", ["FORBIDDEN_REPO", "WORKFLOW_NOT_FOUND"])
async def test_what_cannot_be_dispatched_ends_the_cast_with_githubs_reason(
    client: Client, database: Database, code: str
) -> None:
    github = ToldGitHub()
    github.dispatch_errors = [SpellError(code)]
    platform = ActionsPlatform(client, database, github)
    order = platform.order()
    ended = await platform.run(order)
    assert (ended.outcome, code_of(ended.problem), ended.usage) == (Outcome.LOST, code, None)
    assert f"casts/{order.cast_id}/run-inputs" not in platform.blobs.content


async def test_github_may_be_away_in_the_middle_of_a_run(
    client: Client, database: Database
) -> None:
    github = ToldGitHub(looks=3)
    github.look_errors = [SpellError("SERVICE_UNAVAILABLE") for _ in range(12)]
    ended = await ActionsPlatform(client, database, github).run()
    assert ended.outcome is Outcome.SUCCEEDED


async def test_a_run_that_was_deleted_is_lost(client: Client, database: Database) -> None:
    github = ToldGitHub()
    github.look_errors = [SpellError("ACTIONS_RUN_LOST")]
    ended = await ActionsPlatform(client, database, github).run()
    assert (ended.outcome, code_of(ended.problem)) == (Outcome.LOST, "ACTIONS_RUN_LOST")
    assert ended.usage is None


async def test_a_hint_makes_it_look_and_without_hints_it_looks_by_itself(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    github = ToldGitHub(None)
    platform = ActionsPlatform(fresh.client, database, github)
    async with platform.worker:
        order = platform.order()
        handle = await platform.start(order)
        await platform.until_began(order)
        github.began.clear()
        # The clock stands still here: it is the hint that makes it look.
        await handle.signal("run_changed")
        await platform.until_began(order)
        github.conclusion, github.looks = "success", github.looked + 5
        assert (await handle.result()).outcome is Outcome.SUCCEEDED


async def test_whose_parent_is_gone_the_run_is_cancelled(
    client: Client, database: Database
) -> None:
    platform = ActionsPlatform(client, database, ToldGitHub(None))
    order = platform.order()
    async with platform.worker:
        handle = await platform.start(order)
        await platform.until_began(order)
        await client.get_workflow_handle(actions_workflow_id(order.cast_id)).cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        assert await platform.late_run(order)
    assert platform.github.cancels >= 1
