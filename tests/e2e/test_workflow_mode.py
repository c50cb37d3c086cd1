"""Goal: a cast of mode `workflow` runs once on GitHub and costs what it used, or is refused free.

Method: the local GitHub runs the maker's real workflow file; everything else is the platform.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable

import pytest

from tests.support.e2e import Caster, Json, WholePlatform, as_object, fresh_key, problem
from tests.support.money import assert_books_balance
from tests.support.workflow_mode import (
    BY_TIME,
    CREDIT,
    FILES,
    FLAT,
    TIMEOUT_MS,
    WORKFLOW_FILE,
    ActionsSpell,
    LocalActions,
    price_of,
)

HELD = BY_TIME["base_micros"] + BY_TIME["unit_micros"]["compute_ms"] * TIMEOUT_MS
NOTES, PAGE = b"# Notes\n", bytes(range(256)) * 1000


async def untouched(caster: Caster) -> None:
    """Nothing is held, nothing was charged."""
    assert await caster.open_holds() == 0
    assert await caster.credit_left() == CREDIT
    await assert_books_balance(caster.platform.database)


@pytest.mark.parametrize("dispatch", ["workflow_dispatch", "repository_dispatch"])
async def test_a_success_gives_output_and_artifacts_and_costs_its_time(
    platform: WholePlatform, caster: Caster, github: LocalActions, dispatch: str
) -> None:
    spell = await github.spell(dispatch=dispatch)
    case = spell.case(say="hello")
    admitted = await caster.admitted(spell.key, case.inputs)
    assert admitted["estimated_cost"]["micros"] == HELD
    cast = await caster.followed(admitted["cast_id"])
    assert (cast["status"], cast["billing"], cast["mode"]) == ("succeeded", "settled", "workflow")
    assert (cast["result"], cast["problem"]) == ({"said": "hello"}, None)
    assert await artifacts_of(caster, cast) == {
        "output.json": b'{"said": "hello"}',
        "build/notes.md": NOTES,
        "pages/one.txt": PAGE,
    }
    assert cast["cost"]["micros"] == price_of(cast)
    assert await caster.open_holds() == 0
    assert await caster.credit_left() == CREDIT - cast["cost"]["micros"]
    await assert_books_balance(platform.database)
    run = await spell.the_run()
    assert (run["display_title"], run["event"]) == (cast["cast_id"], dispatch)
    assert len(case.executions) == 1


async def artifacts_of(caster: Caster, cast: Json) -> dict[str, bytes]:
    """What the cast left, as its caster gets it; lengths and digests are checked."""
    found = {}
    for item in (await caster.get(cast["links"]["artifacts"])).json()["items"]:
        caster.platform.secrets.add(item["link"]["url"].rpartition("/")[2])
        content = (await caster.get(f"{cast['links']['artifacts']}/{item['name']}")).content
        assert item["bytes"] == len(content)
        assert item["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        found[item["name"]] = content
    return found


async def test_its_events_are_those_of_every_mode(caster: Caster, github: LocalActions) -> None:
    spell = await github.spell()
    case = spell.case(gated=True)
    cast_id = (await caster.admitted(spell.key, case.inputs))["cast_id"]
    begun = await caster.events(cast_id, until="progress")
    case.open()
    events = await caster.events(cast_id)
    kinds = [event.kind for event in events]
    assert [kind for kind in kinds if kind != "progress"] == [
        *("queued", "held", "running", "storing", "settled")
    ]
    assert kinds.index("running") < kinds.index("progress") < kinds.index("storing")
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert events[: len(begun)] == begun
    told = begun[-1].data["report"]
    assert (told["run_url"], told["job"]) == ((await spell.the_run())["html_url"], "case")
    stored = next(event.data for event in events if event.kind == "storing")
    assert (stored["artifacts"], stored["artifact_bytes"]) == (2, len(NOTES) + len(PAGE))
    resumed = await caster.events(cast_id, after="2")
    assert resumed == events[2:]


async def test_a_repeated_request_is_the_same_cast_and_the_same_run(
    caster: Caster, github: LocalActions
) -> None:
    spell, key = await github.spell(pricing=FLAT), fresh_key()
    case = spell.case()
    first = await caster.cast(spell.key, case.inputs, key=key, wait=30)
    again = await caster.cast(spell.key, case.inputs, key=key, wait=30)
    assert (first.status_code, again.status_code) == (200, 200)
    assert as_object(first)["cast_id"] == as_object(again)["cast_id"]
    assert as_object(again)["cost"]["micros"] == FLAT["price_micros"]
    assert await caster.credit_left() == CREDIT - FLAT["price_micros"]
    await spell.the_run()
    assert len(case.executions) == 1


async def test_where_the_app_is_not_installed_a_cast_is_refused_and_told_how_to_install(
    caster: Caster, github: LocalActions
) -> None:
    await github.own("leaver")
    spell, key = await github.spell("leaver"), fresh_key()
    await github.uninstall(spell)
    case = spell.case()
    told = problem(await caster.cast(spell.key, case.inputs, key=key), 403, "FORBIDDEN_REPO")
    assert told["details"]["repo"] == spell.repo
    assert told["details"]["install_url"].endswith("/apps/spell-platform-local/installations/new")
    await untouched(caster)
    assert await spell.runs() == []

    await github.install("leaver")
    again = problem(await caster.cast(spell.key, case.inputs, key=key), 403, "FORBIDDEN_REPO")
    assert again["details"] == told["details"]
    cast = await caster.ended(spell.key, case.inputs)
    assert cast["status"] == "succeeded", "a new key is another request"


async def _without_file(spell: ActionsSpell) -> None:
    files = {path: content for path, content in FILES.items() if path != WORKFLOW_FILE}
    await spell.github.repository(spell.repo, files)


async def _without_trigger(spell: ActionsSpell) -> None:
    text = FILES[WORKFLOW_FILE].replace(b"workflow_dispatch:", b"workflow_call:")
    await spell.github.repository(spell.repo, {**FILES, WORKFLOW_FILE: text})


@pytest.mark.parametrize("break_it", [_without_file, _without_trigger])
async def test_without_its_workflow_a_cast_is_refused_for_free(
    caster: Caster, github: LocalActions, break_it: Callable[[ActionsSpell], Awaitable[None]]
) -> None:
    spell, key = await github.spell(), fresh_key()
    await break_it(spell)
    inputs = spell.case().inputs
    for _ in range(2):
        told = problem(await caster.cast(spell.key, inputs, key=key), 404, "WORKFLOW_NOT_FOUND")
        where = {"repo": spell.repo, "workflow": "case.yml", "ref": "main"}
        assert where.items() <= told["details"].items()
    await untouched(caster)
    assert await spell.runs() == []


async def test_a_failing_step_costs_its_time_and_says_why(
    platform: WholePlatform, caster: Caster, github: LocalActions
) -> None:
    spell = await github.spell()
    case = spell.case(fails=True)
    cast = await caster.ended(spell.key, case.inputs)
    assert (cast["status"], cast["billing"], cast["result"]) == ("failed", "settled", None)
    assert cast["problem"]["code"] == "SPELL_FAILED"
    run = await spell.the_run()
    assert cast["problem"]["details"]["run_url"] == run["html_url"]
    assert run["conclusion"] == "failure"
    assert cast["cost"]["micros"] == price_of(cast)
    assert await caster.credit_left() == CREDIT - cast["cost"]["micros"]
    assert "no: the moon is full" in (await caster.get(cast["links"]["logs"])).text
    kinds = [event.kind for event in await caster.events(cast["cast_id"])]
    assert [kind for kind in kinds if kind != "progress"] == ["queued", "held", "running", "failed"]
    assert await caster.open_holds() == 0
    await assert_books_balance(platform.database)


async def test_an_output_that_breaks_the_schema_is_free(
    caster: Caster, github: LocalActions
) -> None:
    spell = await github.spell()
    cast = await caster.ended(spell.key, spell.case(say=7).inputs)
    assert (cast["status"], cast["billing"]) == ("failed", "released")
    assert cast["problem"]["code"] == "OUTPUT_INVALID"
    assert json.dumps(cast["problem"]["details"]["errors"]).count("/said") == 1
    await untouched(caster)
    await spell.the_run()
