"""Goal: a run on GitHub that is to end, ends there and here, and costs what it used until then.

Method: real runs that would wait for much longer.
"""

import psutil

from schema.scopes import Scope
from tests.support.e2e import Caster, Event, Json, WholePlatform
from tests.support.money import assert_books_balance
from tests.support.workflow_mode import (
    BY_TIME,
    CREDIT,
    FLAT,
    ActionsSpell,
    Case,
    LocalActions,
    price_of,
    until,
)


async def running(caster: Caster, spell: ActionsSpell, case: Case) -> Json:
    """A cast whose run is at its work."""
    cast_id = (await caster.admitted(spell.key, case.inputs))["cast_id"]
    await caster.events(cast_id, until="progress")
    await until(case.begun)
    cast: Json = (await caster.get(f"/v1/casts/{cast_id}")).json()
    assert (cast["status"], cast["billing"]) == ("running", "held")
    return cast


def kinds_of(events: list[Event]) -> list[str]:
    return [event.kind for event in events if event.kind != "progress"]


async def gone(spell: ActionsSpell, case: Case) -> None:
    """The run ended by a cancel, and so did its process; it was the only one."""
    run = await spell.the_run()
    assert (run["status"], run["conclusion"]) == ("completed", "cancelled")
    [process] = case.executions
    assert not psutil.pid_exists(process)


async def test_a_cancel_in_mid_run_stops_it_on_github_and_costs_the_time_so_far(
    platform: WholePlatform, caster: Caster, github: LocalActions
) -> None:
    spell = await github.spell()
    case = spell.case(gated=True)
    cast = await running(caster, spell, case)
    answer = await caster.post(cast["links"]["cancel"])
    assert (answer.status_code, answer.json()["accepted"]) == (200, True)
    ended: Json = answer.json()["cast"]
    assert (ended["status"], ended["billing"]) == ("cancelled", "settled")
    assert ended["problem"]["code"] == "CAST_CANCELLED"
    assert ended["cost"]["micros"] == price_of(ended) < ended["estimated_cost"]["micros"]
    await gone(spell, case)
    events = await caster.events(cast["cast_id"])
    assert kinds_of(events) == ["queued", "held", "running", "cancelled"]
    assert await caster.open_holds() == 0
    assert await caster.credit_left() == CREDIT - ended["cost"]["micros"]
    await assert_books_balance(platform.database)


async def test_a_cancelled_run_of_a_flat_price_costs_nothing(
    caster: Caster, github: LocalActions
) -> None:
    spell = await github.spell(pricing=FLAT)
    case = spell.case(gated=True)
    cast = await running(caster, spell, case)
    ended = (await caster.post(cast["links"]["cancel"])).json()["cast"]
    assert (ended["status"], ended["billing"]) == ("cancelled", "released")
    assert ended["cost"]["micros"] == 0
    await gone(spell, case)
    assert await caster.open_holds() == 0
    assert await caster.credit_left() == CREDIT


async def test_a_cancel_in_githubs_queue_is_free(
    platform: WholePlatform, caster: Caster, github: LocalActions
) -> None:
    spell = await github.spell()
    await spell.fault("stuck_run")
    case = spell.case()
    cast_id = (await caster.admitted(spell.key, case.inputs))["cast_id"]
    await until(spell.runs)
    ended = (await caster.post(f"/v1/casts/{cast_id}:cancel")).json()["cast"]
    assert (ended["status"], ended["billing"]) == ("cancelled", "released")
    assert (ended["cost"]["micros"], ended["usage"], ended["started_at"]) == (0, None, None)
    assert (await spell.the_run())["conclusion"] == "cancelled"
    assert not case.executions
    assert kinds_of(await caster.events(cast_id)) == ["queued", "held", "cancelled"]
    assert await caster.credit_left() == CREDIT
    await assert_books_balance(platform.database)


async def test_a_run_whose_time_is_up_is_stopped_and_costs_its_time(
    platform: WholePlatform, caster: Caster, github: LocalActions
) -> None:
    spell = await github.spell(timeout_ms=2_000)
    case = spell.case(gated=True)
    cast = await caster.ended(spell.key, case.inputs)
    assert (cast["status"], cast["billing"]) == ("timed_out", "settled")
    assert cast["problem"]["code"] == "TIME_EXCEEDED"
    assert cast["problem"]["details"]["conclusion"] == "cancelled"
    # It cannot have cost more than its own limit, however long GitHub takes to stop it.
    assert cast["usage"]["wall_ms"] <= 2_000
    most = BY_TIME["base_micros"] + 2_000 * BY_TIME["unit_micros"]["compute_ms"]
    assert cast["cost"]["micros"] == price_of(cast) <= most == cast["estimated_cost"]["micros"]
    await gone(spell, case)
    assert kinds_of(await caster.events(cast["cast_id"])) == [
        *("queued", "held", "running", "failed")
    ]
    assert await caster.open_holds() == 0
    assert await caster.credit_left() == CREDIT - cast["cost"]["micros"]
    await assert_books_balance(platform.database)


async def test_the_run_of_a_revoked_spell_is_stopped_on_github_and_free(
    platform: WholePlatform, caster: Caster, github: LocalActions
) -> None:
    operator = await platform.new_caster(scopes=[Scope.DEPLOY])
    spell = await github.spell()
    case = spell.case(gated=True)
    cast = await running(caster, spell, case)
    trusted = {"kind": "spell", "value": spell.key}
    answer = await operator.post("/v1/revocations", json={"trusted": trusted, "reason": "a test"})
    assert (answer.status_code, answer.json()["casts_stopped"]) == (200, 1)
    ended = await caster.followed(cast["cast_id"])
    assert (ended["status"], ended["billing"]) == ("failed", "released")
    assert ended["problem"]["code"] == "SPELL_REVOKED"
    await gone(spell, case)
    assert await caster.open_holds() == 0
    assert await caster.credit_left() == CREDIT
    await assert_books_balance(platform.database)


async def test_a_run_that_somebody_cancels_on_github_is_free(
    platform: WholePlatform, caster: Caster, github: LocalActions
) -> None:
    spell = await github.spell()
    case = spell.case(gated=True)
    cast = await running(caster, spell, case)
    await github.ask(spell.repo, f"actions/runs/{(await spell.the_run())['id']}/cancel", "POST")
    ended = await caster.followed(cast["cast_id"])
    assert (ended["status"], ended["billing"]) == ("failed", "released")
    assert ended["problem"]["code"] == "ACTIONS_RUN_LOST"
    assert ended["problem"]["details"]["conclusion"] == "cancelled"
    assert await caster.open_holds() == 0
    assert await caster.credit_left() == CREDIT
    await assert_books_balance(platform.database)
