"""Goal: one cast for each time of a schedule, whatever dies.

Method: kill processes in the middle of a backfill.
"""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests.chaos.conftest import NAP
from tests.support.e2e import WholePlatform, fresh_key
from tests.support.money import assert_books_balance

PRICE = 500
CREDIT = 1_000_000
TIMES = 4
BEGIN = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("process", ["worker", "temporal", "postgres"])
async def test_a_backfill_casts_once_for_each_time_though_a_process_dies_in_it(
    platform: WholePlatform, process: str
) -> None:
    caster = await platform.new_caster(CREDIT)
    body = {"spell": NAP, "inputs": {}, "every_seconds": 3600, "paused": True}
    headers = {"Idempotency-Key": fresh_key()}
    made = (await caster.post("/v1/schedules", json=body, headers=headers)).json()
    path = f"/v1/schedules/{made['schedule_id']}"
    end = BEGIN + timedelta(hours=TIMES - 1)
    span = {"from": BEGIN.isoformat(), "to": end.isoformat()}
    assert (await caster.post(f"{path}:backfill", json=span)).status_code == 202
    while await casts_of(platform, caster.person.account_id) == []:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    pid = platform.embedded.kill(process)
    await platform.embedded.wait_replaced(process, pid)
    ended: list[str] = []
    while len(ended) < TIMES or set(ended) != {"succeeded"}:
        await asyncio.sleep(0.1)
        ended = await casts_of(platform, caster.person.account_id)
        assert len(ended) <= TIMES
    while len(runs := (await caster.get(path)).json()["runs"]) < TIMES:  # noqa: ASYNC110
        # An attempt that died with its worker is missed after 20 seconds.
        await asyncio.sleep(0.1)
    assert len({run["cast_id"] for run in runs}) == TIMES
    assert await caster.credit_left() == CREDIT - TIMES * PRICE
    assert await caster.open_holds() == 0
    await assert_books_balance(platform.database)


async def casts_of(platform: WholePlatform, account_id: str) -> list[str]:
    """The statuses of the account's casts."""
    statement = text("SELECT status FROM casts WHERE account_id = :account")
    async with platform.database.reading() as connection:
        rows = await connection.execute(statement, {"account": account_id})
        return [row.status for row in rows]
