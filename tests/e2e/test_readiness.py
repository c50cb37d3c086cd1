"""Readiness names the part that is away, and the platform comes back by itself."""

import asyncio
from collections.abc import Callable

import pytest

from tests.support.e2e import Caster, Json, WholePlatform

PARTS = {"postgres", "nats", "temporal", "object_store", "redis"}


async def _ready(platform: WholePlatform) -> tuple[int, Json]:
    answer = await platform.http.get("/ready")
    document: Json = answer.json()
    return answer.status_code, document


async def _until(
    platform: WholePlatform, wanted: Callable[[int, Json], bool], seconds_max: float
) -> tuple[int, Json]:
    """Ask until the answer is the wanted one, within a bound."""
    async with asyncio.timeout(seconds_max):
        while True:
            status, document = await _ready(platform)
            if wanted(status, document):
                return status, document
            await asyncio.sleep(0.1)


async def test_everything_is_well_at_the_start(platform: WholePlatform) -> None:
    status, document = await _ready(platform)
    assert (status, document["status"]) == (200, "ok")
    parts = PARTS if "redis" in platform.embedded.pids() else PARTS - {"redis"}
    assert document["parts"] == dict.fromkeys(parts, "ok")
    assert (await platform.http.get("/health")).json() == document
    assert (await platform.http.get("/live")).json() == {"status": "ok"}


@pytest.mark.parametrize(
    "part",
    [
        "redis",
        "postgres",
        "nats",
    ],
)
async def test_a_part_that_is_away_is_named_until_it_is_back(
    platform: WholePlatform, caster: Caster, part: str
) -> None:
    embedded = platform.embedded
    if part not in embedded.pids():
        pytest.skip(f"there is no {part} process here")
    embedded.pause_restarts(part)
    pid = embedded.kill(part)
    try:
        _, document = await _until(platform, lambda status, _: status == 503, 8)
        assert document["status"] == "unavailable"
        away = {name: state for name, state in document["parts"].items() if state != "ok"}
        assert set(away) == {part}
        assert len(away[part]) < 40, "what is away, but not where it is"
        assert (await platform.http.get("/live")).status_code == 200
    finally:
        embedded.start_again(part)
    await embedded.wait_replaced(part, pid)
    await _until(platform, lambda status, _: status == 200, 30)
    cast = await caster.ended(await platform.spell("echo"), part)
    assert cast["result"] == part, "and it works again"
