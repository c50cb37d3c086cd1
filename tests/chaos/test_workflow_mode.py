"""Goal: a worker that dies while a cast runs on GitHub changes nothing: one run, one charge.

Method: casts are held up, one at each step; one kill -9 hits the worker in the middle of all.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.e2e import Json, WholePlatform
from tests.support.money import assert_books_balance
from tests.support.workflow_kills import HeldCast, Stage
from tests.support.workflow_mode import (
    CREDIT,
    LocalActions,
    assert_succeeded_once,
    local_actions,
    until,
)

# In this order: GitHub's two places are free first, taken then, and what waits for neither is last.
STEPS = [
    *("before_the_settlement", "before_the_artifacts", "fetching"),
    *("in_progress", "done_meanwhile", "queued"),
    *("during_the_dispatch", "before_the_record", "before_the_intent"),
]
_GATED = {"before_the_settlement", "in_progress", "done_meanwhile"}
_AFTER_THE_SEARCH_SECONDS = 240


@pytest.fixture(scope="module")
async def github(platform: WholePlatform) -> AsyncIterator[LocalActions]:
    with TemporaryDirectory(prefix="spell-runs-") as folder:
        async with local_actions(platform, Path(folder)) as started:
            yield started


@pytest.fixture(scope="module")
async def unknown(github: LocalActions) -> dict[str, HeldCast]:
    """Casts that GitHub has no run of, which nobody can know: they take long, so they are first."""
    async with AsyncExitStack() as locks:
        stage = Stage(github, locks)
        casts = {"refused": await stage.cast(), "before_the_dispatch": await stage.cast()}
        await casts["refused"].spell.fault("error_before")
        await casts["refused"].begin()
        await stage.before_the_dispatch(casts["before_the_dispatch"])
        dead = github.platform.embedded.kill("worker")
    await github.platform.embedded.wait_replaced("worker", dead)
    return casts


@pytest.fixture(scope="module")
async def killed(github: LocalActions, unknown: dict[str, HeldCast]) -> dict[str, HeldCast]:
    """The casts, by the step that the worker died in; there is another worker now."""
    del unknown
    platform = github.platform.embedded
    async with AsyncExitStack() as locks:
        stage = Stage(github, locks)
        casts = {step: await stage.cast(gated=step in _GATED) for step in STEPS}
        for step, held in casts.items():
            await getattr(stage, "in_progress" if step == "done_meanwhile" else step)(held)
        platform.pause_restarts("worker")
        dead = platform.kill("worker")
    casts["done_meanwhile"].case.open()
    await until(lambda: _has_ended(casts["done_meanwhile"]))
    platform.start_again("worker")
    await platform.wait_replaced("worker", dead)
    casts["in_progress"].case.open()
    return casts


async def _has_ended(held: HeldCast) -> bool:
    return bool((await held.spell.the_run())["status"] == "completed")


@pytest.mark.timeout(200)
@pytest.mark.parametrize("step", STEPS)
async def test_the_worker_dies(killed: dict[str, HeldCast], step: str) -> None:
    held = killed[step]
    cast = await held.caster.followed(held.cast_id)
    await assert_succeeded_once(held.caster, held.spell, held.case, cast)


@pytest.mark.timeout(_AFTER_THE_SEARCH_SECONDS)
@pytest.mark.parametrize("why", ["before_the_dispatch", "refused"])
async def test_a_dispatch_whose_fate_nobody_knows_is_free(
    unknown: dict[str, HeldCast], why: str
) -> None:
    """The worker died when it was about to ask GitHub; or GitHub answered 502, and took nothing."""
    await _unknown(unknown[why])


async def _unknown(held: HeldCast) -> None:
    cast = await _ended(held)
    assert (cast["status"], cast["billing"]) == ("failed", "released")
    assert cast["problem"]["code"] == "DISPATCH_UNKNOWN"
    assert (cast["cost"]["micros"], cast["usage"]) == (0, None)
    assert await held.spell.runs() == []
    kinds = [event.kind for event in await held.caster.events(held.cast_id)]
    assert kinds == ["queued", "held", "failed"]
    assert await held.caster.open_holds() == 0
    assert await held.caster.credit_left() == CREDIT
    await assert_books_balance(held.caster.platform.database)


async def _ended(held: HeldCast) -> Json:
    """The search for a run takes longer than the patience of other tests."""
    async with asyncio.timeout(_AFTER_THE_SEARCH_SECONDS):
        while True:
            with suppress(TimeoutError):
                return await held.caster.followed(held.cast_id)
