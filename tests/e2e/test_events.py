"""The event stream of a cast: gap-free, resumable, ending with the cast."""

import asyncio

import pytest
from sqlalchemy import text

from tests.support.e2e import Caster, WholePlatform, problem


async def test_a_finished_cast_tells_all_of_its_story(
    platform: WholePlatform, caster: Caster
) -> None:
    cast = await caster.ended(await platform.spell("metered"), {"a": 1})
    events = await caster.events(cast["cast_id"])
    assert [e.kind for e in events] == ["queued", "held", "running", "storing", "settled"]
    assert [e.id for e in events] == [1, 2, 3, 4, 5]
    assert events[1].data["amount_micros"] == cast["estimated_cost"]["micros"]
    assert events[3].data["output_bytes"] == len('{"a":1}')
    end = events[4].data
    assert (end["status"], end["billing"]) == ("succeeded", "settled")
    assert end["cost_micros"] == cast["cost"]["micros"]
    times = [e.data["at"] for e in events]
    assert times == sorted(times)


async def test_a_failed_cast_ends_with_its_code(platform: WholePlatform, caster: Caster) -> None:
    cast = await caster.ended(await platform.spell("traps"))
    events = await caster.events(cast["cast_id"])
    assert [e.kind for e in events] == ["queued", "held", "running", "failed"]
    assert events[-1].data["code"] == "SPELL_TRAPPED"


@pytest.mark.parametrize("after", [0, 1, 2, 3, 4])
async def test_a_stream_is_resumed_after_the_last_event_that_was_seen(
    platform: WholePlatform, caster: Caster, after: int
) -> None:
    cast = await caster.ended(await platform.spell("free"))
    events = await caster.events(cast["cast_id"], after=str(after))
    assert [e.id for e in events] == list(range(after + 1, 6))


@pytest.mark.parametrize("after", ["5", "99"])
async def test_whoever_has_seen_the_end_is_told_not_to_come_back(
    platform: WholePlatform, caster: Caster, after: str
) -> None:
    cast = await caster.ended(await platform.spell("free"))
    headers = {"Last-Event-ID": after}
    answer = await caster.get(cast["links"]["events"], headers=headers, timeout=5)
    assert answer.status_code == 204, "this is what ends an EventSource for good"


@pytest.mark.parametrize("after", ["", "x", "-1", "1e3", "9" * 30, "\xb2"])
async def test_an_event_id_of_no_stream_is_refused(
    platform: WholePlatform, caster: Caster, after: str
) -> None:
    cast = await caster.ended(await platform.spell("free"))
    headers = {"Last-Event-ID": after.encode("latin-1")}
    answer = await caster.get(cast["links"]["events"], headers=headers)
    problem(answer, 422, "VALIDATION_ERROR")


async def test_streams_that_were_open_before_the_end_receive_it(
    platform: WholePlatform, caster: Caster
) -> None:
    """Two followers from the start, and one who comes in the middle, see the same end."""
    admitted = await caster.admitted(await platform.spell("sleeper"))
    cast_id = admitted["cast_id"]
    followers = [asyncio.create_task(caster.events(cast_id)) for _ in range(2)]
    seen = await caster.events(cast_id, until="running")
    assert [e.kind for e in seen] == ["queued", "held", "running"]
    late = asyncio.create_task(caster.events(cast_id, after=str(seen[-1].id)))
    assert (await caster.post(f"/v1/casts/{cast_id}:cancel")).status_code == 200
    whole = [await follower for follower in followers]
    assert whole[0] == whole[1]
    assert [e.id for e in whole[0]] == [1, 2, 3, 4]
    assert whole[0][-1].kind == "cancelled"
    assert await late == whole[0][3:]


async def test_a_spell_reports_its_progress_and_its_log_is_without_the_reports(
    platform: WholePlatform, caster: Caster
) -> None:
    cast = await caster.ended(await platform.spell("reports"))
    events = await caster.events(cast["cast_id"])
    kinds = ["queued", "held", "running", "progress", "progress", "storing", "settled"]
    assert [e.kind for e in events] == kinds
    assert [e.id for e in events] == list(range(1, 8))
    assert [e.data["report"] for e in events if e.kind == "progress"] == [
        {"done": 1, "total": 3},
        {"done": 2, "total": 3, "note": "almost"},
    ]
    assert (await caster.get(cast["links"]["logs"])).text == "half way\nbye"


async def test_progress_is_not_kept_in_clear(platform: WholePlatform, caster: Caster) -> None:
    """A guest may quote its inputs in a report; tables hold no content."""
    cast = await caster.ended(await platform.spell("reports"))
    statement = text("SELECT data FROM cast_events WHERE cast_id = :cast AND kind = 'progress'")
    async with platform.database.reading() as connection:
        rows = (await connection.execute(statement, {"cast": cast["cast_id"]})).all()
    assert [list(row.data) for row in rows] == [["sealed"], ["sealed"]]
