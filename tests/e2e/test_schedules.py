"""Goal: a schedule casts once for each of its times, under its key and its caps, until it ends.

Method: triggers and backfills of the past; nobody waits for a clock.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from schema.ids import schedule_id_for
from tests.support.e2e import Caster, Json, WholePlatform, as_object, fresh_key, problem
from tests.support.e2e_cli import Shell

HOURLY = {"every_seconds": 3600}
# Times that have passed, to be filled in.
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


async def make(caster: Caster, spell: str, *, key: str | None = None, **body: Any) -> Json:
    """A schedule, made over HTTP."""
    headers = {"Idempotency-Key": key or fresh_key()}
    document = {"spell": spell, "inputs": {}, **HOURLY, **body}
    if "cron" in body:
        document.pop("every_seconds")
    answer = await caster.post("/v1/schedules", json=document, headers=headers)
    assert answer.status_code == 201, answer.text
    return as_object(answer)


async def look(caster: Caster, schedule_id: str) -> Json:
    return as_object(await caster.get(f"/v1/schedules/{schedule_id}"))


async def with_runs(caster: Caster, schedule_id: str, number: int) -> Json:
    """The schedule, once so many of its times have been dealt with and their casts have ended."""
    while True:
        found = await look(caster, schedule_id)
        runs = found["runs"]
        over = [run for run in runs if run["problem"] or run["status"] in {"succeeded", "failed"}]
        if len(over) >= number:
            assert len(runs) == number
            # The rest of the document was read before the runs.
            return await look(caster, schedule_id)
        await asyncio.sleep(0.1)


async def backfill(caster: Caster, schedule_id: str, hours: int) -> list[str]:
    body = {"from": NOON.isoformat(), "to": (NOON + timedelta(hours=hours, minutes=-1)).isoformat()}
    answer = await caster.post(f"/v1/schedules/{schedule_id}:backfill", json=body)
    assert answer.status_code == 202, answer.text
    times: list[str] = answer.json()["times"]
    return times


async def test_a_trigger_casts_once_and_shows_the_cast(
    platform: WholePlatform, caster: Caster
) -> None:
    made = await make(caster, await platform.spell("metered"), inputs={"a": 1}, paused=True)
    path = f"/v1/schedules/{made['schedule_id']}"
    assert (await caster.post(f"{path}:trigger")).status_code == 202
    found = await with_runs(caster, made["schedule_id"], 1)
    cast = as_object(await caster.get(f"/v1/casts/{found['runs'][0]['cast_id']}"))
    assert (cast["status"], cast["result"]) == ("succeeded", {"a": 1})
    assert cast["billing"] == "settled"
    assert (found["state"], found["reason"]) == ("paused", "asked")


async def test_a_backfill_casts_once_for_each_time_however_often_it_is_asked_for(
    platform: WholePlatform, caster: Caster
) -> None:
    """A second backfill of the same times, and one more, casts for the one alone."""
    made = await make(caster, await platform.spell("free"), paused=True)
    schedule_id = made["schedule_id"]
    times = await backfill(caster, schedule_id, 6)
    assert len(times) == 6
    found = await with_runs(caster, schedule_id, 6)
    assert {run["status"] for run in found["runs"]} == {"succeeded"}
    assert await backfill(caster, schedule_id, 7) == [*times, "2026-11-01T18:00:00Z"]
    again = await with_runs(caster, schedule_id, 7)
    assert again["runs"][1:] == found["runs"]
    casts = (await caster.get("/v1/casts?limit=100")).json()["items"]
    assert {cast["cast_id"] for cast in casts} == {run["cast_id"] for run in again["runs"]}


async def test_a_cast_over_budget_is_recorded_and_after_five_in_a_row_the_schedule_pauses(
    platform: WholePlatform, caster: Caster
) -> None:
    cap = {"micros": 1, "currency": "USD"}
    made = await make(caster, await platform.spell("metered"), budget_cap=cap)
    await backfill(caster, made["schedule_id"], 5)
    found = await with_runs(caster, made["schedule_id"], 5)
    assert [run["problem"]["code"] for run in found["runs"]] == ["BUDGET_CAP_EXCEEDED"] * 5
    assert (found["state"], found["reason"], found["refusals"]) == ("paused", "refused", 5)
    assert await caster.open_holds() == 0
    path = f"/v1/schedules/{made['schedule_id']}"
    assert (await caster.patch(path, budget_cap=None)).status_code == 200
    resumed = as_object(await caster.post(f"{path}:resume"))
    assert (resumed["state"], resumed["refusals"]) == ("active", 0)


async def test_a_revoked_key_pauses_its_schedule(platform: WholePlatform, caster: Caster) -> None:
    other = await caster.with_key(scopes=["cast:invoke"])
    made = await make(other, await platform.spell("free"))
    assert made["api_key_id"] == other.person.api_key_id
    answer = await caster.request("DELETE", f"/v1/keys/{other.person.api_key_id}")
    assert answer.status_code == 204
    await caster.post(f"/v1/schedules/{made['schedule_id']}:trigger")
    found = await with_runs(caster, made["schedule_id"], 1)
    assert found["runs"][0]["problem"]["code"] == "UNAUTHORIZED"
    assert found["runs"][0]["cast_id"] is None
    assert (found["state"], found["reason"]) == ("paused", "key_not_live")


async def test_another_key_of_the_account_may_stop_a_schedule_but_not_spend_by_it(
    platform: WholePlatform, caster: Caster
) -> None:
    maker, other = [await caster.with_key(scopes=["cast:invoke"]) for _ in range(2)]
    made = await make(maker, await platform.spell("metered"), paused=True)
    path = f"/v1/schedules/{made['schedule_id']}"
    times = {"from": NOON.isoformat(), "to": (NOON + timedelta(hours=1)).isoformat()}
    for answer in (
        await other.patch(path, inputs={"other": 1}),
        await other.post(f"{path}:trigger"),
        await other.post(f"{path}:resume"),
        await other.post(f"{path}:backfill", json=times),
    ):
        problem(answer, 403, "FORBIDDEN")
    assert (await look(other, made["schedule_id"]))["runs"] == []
    assert (await maker.patch(path, inputs={"other": 1})).status_code == 200
    assert (await maker.post(f"{path}:resume")).status_code == 200
    assert (await caster.patch(path, overlap="skip")).status_code == 200
    assert (await other.post(f"{path}:pause")).status_code == 200
    assert (await other.request("DELETE", path)).status_code == 204


async def test_a_schedule_is_paused_resumed_changed_listed_and_deleted(
    platform: WholePlatform, caster: Caster, stranger: Caster
) -> None:
    spell = await platform.spell("free")
    made = await make(caster, spell, cron="0 9 * * mon-fri", time_zone="Europe/Vienna")
    path = f"/v1/schedules/{made['schedule_id']}"
    found = await look(caster, made["schedule_id"])
    assert len(found["next_times"]) > 0
    assert (await stranger.get(path)).status_code == 404
    paused = as_object(await caster.post(f"{path}:pause"))
    assert (paused["state"], paused["reason"]) == ("paused", "asked")
    assert as_object(await caster.post(f"{path}:resume"))["state"] == "active"
    changed = as_object(await caster.patch(path, every_seconds=120, overlap="allow_all"))
    assert (changed["cron"], changed["every_seconds"]) == (None, 120)
    assert changed["overlap"] == "allow_all"
    other = await make(caster, spell)
    page = as_object(await caster.get("/v1/schedules?limit=1"))
    assert [one["schedule_id"] for one in page["items"]] == [other["schedule_id"]]
    query = f"/v1/schedules?cursor={page['next_cursor']}"
    rest = as_object(await caster.get(query))
    assert [one["schedule_id"] for one in rest["items"]] == [made["schedule_id"]]
    assert (await caster.request("DELETE", path)).status_code == 204
    problem(await caster.get(path), 404, "SCHEDULE_NOT_FOUND")
    problem(await caster.post(f"{path}:trigger"), 404, "SCHEDULE_NOT_FOUND")


async def test_the_same_key_makes_the_same_schedule(
    platform: WholePlatform, caster: Caster
) -> None:
    spell, key = await platform.spell("free"), fresh_key()
    first = await make(caster, spell, key=key)
    assert await make(caster, spell, key=key) == first
    person = caster.person
    expected = schedule_id_for(person.account_id, person.secret, key)
    assert first["schedule_id"] == expected
    body = {"spell": spell, "inputs": {"other": 1}, **HOURLY}
    answer = await caster.post("/v1/schedules", json=body, headers={"Idempotency-Key": key})
    problem(answer, 409, "IDEMPOTENCY_CONFLICT")


@pytest.mark.parametrize(
    "wrong",
    [
        {"every_seconds": 59},
        {"every_seconds": 0},
        {"cron": "* * * * *"},
        {"every_seconds": None},
        {"every_seconds": None, "cron": "* * * * * *"},
        {"every_seconds": None, "cron": "61 * * * *"},
        {"every_seconds": None, "cron": "@hourly"},
        {"time_zone": "Europe/Nowhere"},
        {"starts_at": "2026-11-02T00:00:00Z", "ends_at": "2026-11-01T00:00:00Z"},
        {"overlap": "sometimes"},
        {"starts_at": "2026-11-02T00:00:00"},
    ],
)
async def test_what_is_no_schedule_is_refused_and_nothing_is_made(
    caster: Caster, wrong: Json
) -> None:
    body = {"spell": "com.example.any", "inputs": {}, **HOURLY, **wrong}
    headers = {"Idempotency-Key": fresh_key()}
    answer = await caster.post("/v1/schedules", json=body, headers=headers)
    problem(answer, 422, "VALIDATION_ERROR")
    assert (await caster.get("/v1/schedules")).json()["items"] == []


async def test_inputs_above_the_limit_are_refused(caster: Caster) -> None:
    body = {"spell": "com.example.any", "inputs": "x" * 300_000, **HOURLY}
    headers = {"Idempotency-Key": fresh_key()}
    answer = await caster.post("/v1/schedules", json=body, headers=headers)
    problem(answer, 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("2026-11-02T00:00:00Z", "2026-11-01T00:00:00Z"),
        ("2026-09-01T00:00:00Z", "2026-11-01T00:00:00Z"),
        ("2026-11-01T00:00:00Z", "2026-11-10T00:00:00Z"),
        ("2126-11-01T00:00:00Z", "2126-11-01T02:00:00Z"),
    ],
)
async def test_a_backfill_is_bounded_and_of_the_past(
    platform: WholePlatform, caster: Caster, begin: str, end: str
) -> None:
    made = await make(caster, await platform.spell("free"), paused=True)
    path = f"/v1/schedules/{made['schedule_id']}:backfill"
    problem(await caster.post(path, json={"from": begin, "to": end}), 422, "VALIDATION_ERROR")
    assert (await look(caster, made["schedule_id"]))["runs"] == []


async def test_schedules_are_made_and_seen_with_the_command(
    platform: WholePlatform, caster: Caster, tmp_path: Path
) -> None:
    shell = Shell.of(caster, tmp_path)
    spell = await platform.spell("free")
    made = await shell.spell("schedules", "create", spell, "-i", "a=1", "--every", "3600")
    assert made.code == 0, made.stderr
    schedule_id = made.stdout.strip()
    assert (await shell.spell("schedules", "trigger", schedule_id)).code == 0
    found = await with_runs(caster, schedule_id, 1)
    shown = await shell.spell("schedules", "show", schedule_id)
    assert found["runs"][0]["cast_id"] in shown.stdout
    begin, end = "2026-11-01T00:00:00Z", "2026-11-01T01:30:00Z"
    filled = await shell.spell("schedules", "backfill", schedule_id, begin, end)
    assert filled.stdout.strip() == "2 times"
    await with_runs(caster, schedule_id, 3)
    for verb, said in (("pause", "paused (asked)"), ("resume", "active"), ("delete", "deleted")):
        assert (await shell.spell("schedules", verb, schedule_id)).stdout.strip() == said
    assert schedule_id not in (await shell.spell("schedules", "list")).stdout
