"""Casts on GitHub Actions, and fallbacks: the workflow's decisions over real Postgres.

GitHub's half is scripted (`tests/support/actions.py`): the check and the child workflow.
"""

from contextlib import suppress
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError

from infra.postgres import Database
from infra.repositories.cast_reads import PostgresCastReads
from schema.contracts.cast import Billing, CastInput, CastResult, CastStatus
from schema.contracts.plans import Mode
from schema.contracts.problem import Problem
from schema.contracts.run import RunPolicy
from schema.contracts.views import CastView
from schema.errors import SpellError
from tests.support.actions import (
    ACTIONS_FIRST,
    BY_TIME,
    ON_ACTIONS,
    RAN_MS,
    SERVICE_FIRST,
    TIMEOUT_MS,
    ScriptedGitHub,
    ended,
)
from tests.support.builders import FLAT_500, Person, a_cast, make_person, publish
from tests.support.money import assert_books_balance, credit_left, open_holds
from tests.support.platform import CastingPlatform, admit, cancel

CREDIT = 1_000_000
WORST = BY_TIME.base_micros + TIMEOUT_MS
COST = BY_TIME.base_micros + RAN_MS


async def given(database: Database, **package: Any) -> tuple[str, Person]:
    spell = await publish(database, await make_person(database), **package)
    return spell.spell_key, await make_person(database, credit_micros=CREDIT)


async def ends(platform: CastingPlatform, github: ScriptedGitHub, request: CastInput) -> CastResult:
    async with platform.worker, github.worker:
        return await (await platform.start(request)).result()


async def view_of(database: Database, request: CastInput) -> CastView:
    view = await PostgresCastReads(database).cast(request.account_id, request.cast_id)
    assert view is not None
    return view


async def test_a_cast_on_actions_is_checked_held_run_and_charged_by_its_time(
    client: Client, database: Database
) -> None:
    key, caster = await given(database, **ON_ACTIONS)
    platform, github = CastingPlatform(client, database), ScriptedGitHub(client)
    request = a_cast(caster, key, inputs_json='{"n":1}')
    async with platform.worker, github.worker:
        handle = await platform.start(request)
        admission = await admit(handle, request)
        result = await handle.result()
    assert (admission.accepted, admission.estimated_cost_micros) == (True, WORST)
    assert admission.plan is not None
    assert admission.plan.mode is Mode.WORKFLOW
    assert (result.status, result.billing) == (CastStatus.SUCCEEDED, Billing.SETTLED)
    assert result.cost_micros == COST
    (order,) = github.orders
    assert (order.cast_id, order.inputs_json) == (request.cast_id, '{"n":1}')
    assert github.checked == [order.plan] == [admission.plan]
    assert platform.bus.published == []
    assert (await view_of(database, request)).mode is Mode.WORKFLOW
    assert await credit_left(database, caster) == CREDIT - COST
    await assert_books_balance(database)


@pytest.mark.parametrize("code", ["FORBIDDEN_REPO", "WORKFLOW_NOT_FOUND"])
async def test_what_github_cannot_run_is_refused_before_money_is_held(
    client: Client, database: Database, code: str
) -> None:
    key, caster = await given(database, **ON_ACTIONS)
    platform, github = CastingPlatform(client, database), ScriptedGitHub(client, refusal=code)
    request = a_cast(caster, key)
    async with platform.worker, github.worker:
        handle = await platform.start(request)
        admission = await admit(handle, request)
        result = await handle.result()
    assert admission.problem is not None
    assert admission.problem.code == code
    assert (result.billing, result.cost_micros, github.orders) == (Billing.RELEASED, 0, [])
    recorded = await PostgresCastReads(database).admission(request.cast_id)
    assert recorded is not None
    assert recorded[1] == admission
    assert await open_holds(database, caster) == 0
    assert await credit_left(database, caster) == CREDIT


async def test_github_being_away_ends_the_key_uncharged(client: Client, database: Database) -> None:
    key, caster = await given(database, **ON_ACTIONS)
    platform = CastingPlatform(client, database)
    github = ScriptedGitHub(client, refusal="SERVICE_UNAVAILABLE")
    with pytest.raises(WorkflowFailureError):
        await ends(platform, github, a_cast(caster, key))
    assert await open_holds(database, caster) == 0
    assert await credit_left(database, caster) == CREDIT


@pytest.mark.parametrize(
    ("code", "ran_ms", "cost"),
    [
        ("SPELL_FAILED", RAN_MS, COST),
        ("TIME_EXCEEDED", TIMEOUT_MS, WORST),
        # GitHub's clock may say more than the hold: nobody pays more than that.
        ("TIME_EXCEEDED", 10 * TIMEOUT_MS, WORST),
        ("QUEUE_TIMEOUT", None, 0),
        ("ACTIONS_RUN_LOST", RAN_MS, 0),
        ("DISPATCH_UNKNOWN", None, 0),
        ("OUTPUT_INVALID", RAN_MS, 0),
    ],
)
async def test_each_end_on_actions_costs_what_the_product_page_says(
    client: Client, database: Database, code: str, ran_ms: int | None, cost: int
) -> None:
    key, caster = await given(database, **ON_ACTIONS)
    github = ScriptedGitHub(client, script=lambda _: ended(code, ran_ms=ran_ms))
    result = await ends(CastingPlatform(client, database), github, a_cast(caster, key))
    assert result.problem is not None
    assert (result.problem.code, result.cost_micros) == (code, cost)
    assert result.billing is (Billing.SETTLED if cost else Billing.RELEASED)
    assert await credit_left(database, caster) == CREDIT - cost
    await assert_books_balance(database)


@pytest.mark.parametrize(("price", "cost"), [(BY_TIME, COST), (FLAT_500, 0)])
async def test_a_cancel_stops_the_actions_run_and_costs_its_time_so_far(
    client: Client, database: Database, price: Any, cost: int
) -> None:
    key, caster = await given(database, **{**ON_ACTIONS, "price": price})
    platform, github = (
        CastingPlatform(client, database),
        ScriptedGitHub(client, script=lambda _: None),
    )
    request = a_cast(caster, key)
    async with platform.worker, github.worker:
        handle = await platform.start(request)
        await admit(handle, request)
        cancelled = await cancel(handle)
        result = await handle.result()
    assert cancelled.accepted
    assert result.status is CastStatus.CANCELLED
    # Cancelled before the run was asked for, it costs nothing; else what it used.
    assert result.cost_micros == (cost if github.orders else 0)
    assert await open_holds(database, caster) == 0
    await assert_books_balance(database)


async def test_a_revoked_cast_on_actions_is_stopped_and_costs_nothing(
    client: Client, database: Database
) -> None:
    key, caster = await given(database, **ON_ACTIONS)
    platform, github = (
        CastingPlatform(client, database),
        ScriptedGitHub(client, script=lambda _: None),
    )
    request = a_cast(caster, key)
    async with platform.worker, github.worker:
        handle = await platform.start(request)
        await admit(handle, request)
        problem = Problem.of(SpellError("SPELL_REVOKED", details={"revocation": 1}))
        await handle.signal("revoke", problem)
        result = await handle.result()
    assert result.problem is not None
    assert (result.problem.code, result.cost_micros) == ("SPELL_REVOKED", 0)
    assert await credit_left(database, caster) == CREDIT


async def test_an_operators_cancel_stops_the_actions_run_and_leaves_no_hold(
    client: Client, database: Database
) -> None:
    key, caster = await given(database, **ON_ACTIONS)
    platform, github = (
        CastingPlatform(client, database),
        ScriptedGitHub(client, script=lambda _: None),
    )
    request = a_cast(caster, key)
    async with platform.worker, github.worker:
        handle = await platform.start(request)
        await admit(handle, request)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        child = client.get_workflow_handle(f"actions:{request.cast_id}")
        # Told to stop, or cancelled with its parent when that had not yet heard of its start.
        if github.orders:
            with suppress(WorkflowFailureError):
                await child.result()
    assert await open_holds(database, caster) == 0
    assert await credit_left(database, caster) == CREDIT
    await assert_books_balance(database)


@pytest.mark.parametrize(
    "code",
    [
        "FORBIDDEN_REPO",
        "WORKFLOW_NOT_FOUND",
        "SERVICE_UNAVAILABLE",
        "MODE_UNAVAILABLE",
        "RATE_LIMITED",
    ],
)
async def test_a_check_that_fails_leads_to_the_declared_fallback(
    client: Client, database: Database, code: str
) -> None:
    key, caster = await given(database, **ACTIONS_FIRST)
    platform, github = CastingPlatform(client, database), ScriptedGitHub(client, refusal=code)
    request = a_cast(caster, key)
    result = await ends(platform, github, request)
    assert result.status is CastStatus.SUCCEEDED
    assert (len(platform.bus.published), github.orders) == (1, [])
    view = await view_of(database, request)
    assert view.fell_back is not None
    assert (view.mode, view.fell_back.first, view.fell_back.code) == (
        Mode.SERVICE,
        Mode.WORKFLOW,
        code,
    )


async def test_a_run_that_no_runner_took_falls_back_to_actions_within_one_hold(
    client: Client, database: Database
) -> None:
    key, caster = await given(database, **SERVICE_FIRST)
    platform = CastingPlatform(client, database, script=lambda _: None, queue_seconds=0)
    github = ScriptedGitHub(client)
    request = a_cast(caster, key)
    async with platform.worker, github.worker:
        handle = await platform.start(request)
        admission = await admit(handle, request)
        result = await handle.result()
    assert admission.estimated_cost_micros == WORST, "the dearer of the two is held"
    assert (result.status, result.cost_micros) == (CastStatus.SUCCEEDED, COST)
    assert len(github.orders) == 1
    view = await view_of(database, request)
    assert (view.mode, view.fell_back and view.fell_back.code) == (Mode.WORKFLOW, "QUEUE_TIMEOUT")
    told = [
        event.data["fell_back"]
        for event in await PostgresCastReads(database).events(request.cast_id, after=0)
        if "fell_back" in event.data
    ]
    assert told == [{"first": "service", "mode": "workflow", "code": "QUEUE_TIMEOUT"}]
    await assert_books_balance(database)


async def test_an_actions_run_that_never_started_falls_back_to_the_fleet(
    client: Client, database: Database
) -> None:
    key, caster = await given(database, **ACTIONS_FIRST)
    platform = CastingPlatform(client, database)
    github = ScriptedGitHub(client, script=lambda _: ended("QUEUE_TIMEOUT", ran_ms=None))
    request = a_cast(caster, key)
    result = await ends(platform, github, request)
    assert result.status is CastStatus.SUCCEEDED
    assert (len(github.orders), len(platform.bus.published)) == (1, 1)
    assert (await view_of(database, request)).mode is Mode.SERVICE


@pytest.mark.parametrize("ran_ms", [None, RAN_MS])
@pytest.mark.parametrize(
    "code",
    [
        "DISPATCH_UNKNOWN",
        "ACTIONS_RUN_LOST",
        "SPELL_FAILED",
        "TIME_EXCEEDED",
        "OUTPUT_INVALID",
        "FORBIDDEN_REPO",
        "WORKFLOW_NOT_FOUND",
        "SERVICE_UNAVAILABLE",
        "INTERNAL",
        None,
    ],
)
async def test_no_end_after_the_run_may_have_begun_leads_to_the_fallback(
    client: Client, database: Database, code: str | None, ran_ms: int | None
) -> None:
    key, caster = await given(database, **ACTIONS_FIRST)
    platform = CastingPlatform(client, database)
    github = ScriptedGitHub(client, script=lambda _: ended(code, ran_ms=ran_ms))
    request = a_cast(caster, key)
    result = await ends(platform, github, request)
    assert (result.problem and result.problem.code) == code
    assert platform.bus.published == []
    assert (await view_of(database, request)).fell_back is None


async def test_a_queue_that_ran_out_after_a_start_keeps_its_mode(
    client: Client, database: Database
) -> None:
    """Goal: the database's own word on what has begun stands above the verdict's."""
    key, caster = await given(database, **ACTIONS_FIRST)
    platform = CastingPlatform(client, database)
    marked: list[str] = []

    def script(order: Any) -> Any:
        marked.append(order.cast_id)
        return ended("QUEUE_TIMEOUT", ran_ms=None)

    github = ScriptedGitHub(client, script=script, before=platform.casts.mark_running)
    result = await ends(platform, github, a_cast(caster, key))
    assert result.problem is not None
    assert result.problem.code == "QUEUE_TIMEOUT"
    assert (len(marked), platform.bus.published) == (1, [])


async def test_a_run_with_the_network_that_was_queued_counts_as_begun(
    client: Client, database: Database
) -> None:
    policy = RunPolicy(deterministic=False, net_allow=["api.example.com"])
    key, caster = await given(database, **SERVICE_FIRST, policy=policy)
    platform = CastingPlatform(client, database, script=lambda _: None, queue_seconds=0)
    github = ScriptedGitHub(client)
    result = await ends(platform, github, a_cast(caster, key))
    assert result.problem is not None
    assert (result.problem.code, github.orders) == ("QUEUE_TIMEOUT", [])


async def test_a_named_mode_has_no_fallback(client: Client, database: Database) -> None:
    key, caster = await given(database, **ACTIONS_FIRST)
    platform = CastingPlatform(client, database)
    github = ScriptedGitHub(client, refusal="FORBIDDEN_REPO")
    result = await ends(platform, github, a_cast(caster, key, mode=Mode.WORKFLOW))
    assert result.problem is not None
    assert (result.problem.code, platform.bus.published) == ("FORBIDDEN_REPO", [])


async def test_a_fallback_that_cannot_run_either_leaves_the_first_end(
    client: Client, database: Database
) -> None:
    key, caster = await given(database, **SERVICE_FIRST)
    platform = CastingPlatform(client, database, script=lambda _: None, queue_seconds=0)
    github = ScriptedGitHub(client, refusal="FORBIDDEN_REPO")
    request = a_cast(caster, key)
    result = await ends(platform, github, request)
    assert result.problem is not None
    assert (result.problem.code, result.cost_micros) == ("QUEUE_TIMEOUT", 0)
    assert (await view_of(database, request)).mode is Mode.SERVICE
    assert await open_holds(database, caster) == 0
