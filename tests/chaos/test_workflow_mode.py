"""Goal: a worker that dies while a cast runs on GitHub changes nothing: one run, one charge.

Method: casts are held up, one at each step; one kill -9 hits the worker in the middle of all.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from tests.modules.guests import guest
from tests.support.e2e import Json, WholePlatform, as_object, problem
from tests.support.money import assert_books_balance
from tests.support.workflow_kills import HeldCast, Stage
from tests.support.workflow_mode import (
    CREDIT,
    LocalActions,
    assert_succeeded_once,
    local_actions,
    price_of,
    until,
)

# In this order: GitHub's two places are free first, taken then, and what waits for neither is last.
STEPS = [
    *("before_the_settlement", "before_the_artifacts", "fetching", "during_the_cancel"),
    *("in_progress", "done_meanwhile", "queued"),
    *("during_the_check", "during_the_dispatch", "before_the_record", "before_the_intent"),
]
_GATED = {"before_the_settlement", "during_the_cancel", "in_progress", "done_meanwhile"}
_ANSWERED_LATE = {"during_the_check", "during_the_cancel"}
_AFTER_THE_SEARCH_SECONDS = 240


@pytest.fixture(scope="module")
async def github(platform: WholePlatform) -> AsyncIterator[LocalActions]:
    with TemporaryDirectory(prefix="spell-runs-") as folder:
        async with local_actions(platform, Path(folder)) as started:
            yield started


@pytest.fixture(scope="module")
async def unknown(github: LocalActions) -> dict[str, HeldCast]:
    """Casts that GitHub has no run of, which nobody can know: they take long, so they are first.

    Their spells have a fallback, which must not run: the first mode may have.
    """
    async with AsyncExitStack() as locks:
        stage = Stage(github, locks)
        modes = {"mode": "workflow", "fallback": "service"}
        casts = {
            name: await stage.cast(module=guest("echo"), execution=modes)
            for name in ("refused", "before_the_dispatch")
        }
        await casts["refused"].spell.fault("error_before")
        await casts["refused"].begin()
        await stage.before_the_dispatch(casts["before_the_dispatch"])
        dead = github.platform.embedded.kill("worker")
    await github.platform.embedded.wait_replaced("worker", dead)
    return casts


@dataclass(frozen=True)
class Killed:
    """Casts by the step that the worker died in; there is another worker now."""

    casts: dict[str, HeldCast]
    admitting: asyncio.Task[httpx.Response]
    cancelling: asyncio.Task[Json]


@pytest.fixture(scope="module")
async def killed(github: LocalActions, unknown: dict[str, HeldCast]) -> Killed:
    """One kill for all steps."""
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
    assert stage.admitting is not None
    assert stage.cancelling is not None
    return Killed(casts, stage.admitting, stage.cancelling)


async def _has_ended(held: HeldCast) -> bool:
    return bool((await held.spell.the_run())["status"] == "completed")


@pytest.mark.timeout(200)
@pytest.mark.parametrize("step", [step for step in STEPS if step not in _ANSWERED_LATE])
async def test_a_cast_survives_the_death_of_the_worker(killed: Killed, step: str) -> None:
    held = killed.casts[step]
    cast = await held.caster.followed(held.cast_id)
    await assert_succeeded_once(held.caster, held.spell, held.case, cast)


@pytest.mark.timeout(200)
async def test_an_admission_survives_the_death_of_the_worker(killed: Killed) -> None:
    held, first = killed.casts["during_the_check"], await killed.admitting
    assert first.status_code in {202, 503}, first.text
    # Whoever asks again by the key gets the same cast.
    again = await held.ask()
    assert (again.status_code, as_object(again)["cast_id"]) == (202, held.cast_id)
    cast = await held.caster.followed(held.cast_id)
    await assert_succeeded_once(held.caster, held.spell, held.case, cast)


@pytest.mark.timeout(200)
async def test_a_cancel_survives_the_death_of_the_worker(killed: Killed) -> None:
    held, answer = killed.casts["during_the_cancel"], await killed.cancelling
    assert answer["accepted"] is True
    cast = answer["cast"]
    assert (cast["status"], cast["billing"]) == ("cancelled", "settled")
    assert cast["cost"]["micros"] == price_of(cast) < cast["estimated_cost"]["micros"]
    assert (await held.spell.the_run())["conclusion"] == "cancelled"
    assert len(held.case.executions) == 1
    assert await held.caster.open_holds() == 0
    assert await held.caster.credit_left() == CREDIT - cast["cost"]["micros"]
    await assert_books_balance(held.caster.platform.database)


@pytest.mark.parametrize("process", ["api", "temporal", "postgres", "nats"])
async def test_a_run_on_github_survives_the_death_of(
    platform: WholePlatform, github: LocalActions, process: str
) -> None:
    held = await Stage(github, AsyncExitStack()).cast(gated=True)
    await held.begin()
    await until(held.case.begun)
    pid = platform.embedded.kill(process)
    await platform.embedded.wait_replaced(process, pid)
    held.case.open()
    cast = await _ended(held)
    await assert_succeeded_once(held.caster, held.spell, held.case, cast)


async def test_where_github_is_away_a_cast_is_refused_for_free(
    platform: WholePlatform, github: LocalActions
) -> None:
    stage = Stage(github, AsyncExitStack())
    held = await stage.cast()
    platform.embedded.pause_restarts("github")
    dead = platform.embedded.kill("github")
    told = problem(await held.ask(), 503, "ADMISSION_FAILED")
    platform.embedded.start_again("github")
    await platform.embedded.wait_replaced("github", dead)
    assert await held.spell.runs() == []
    assert await held.caster.open_holds() == 0
    assert await held.caster.credit_left() == CREDIT
    assert told["details"]["cause"] == "SERVICE_UNAVAILABLE"


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
    assert (cast["mode"], cast["fell_back"]) == ("workflow", None)
    assert (cast["cost"]["micros"], cast["usage"]) == (0, None)
    assert await held.spell.runs() == []
    kinds = [event.kind for event in await held.caster.events(held.cast_id)]
    assert kinds == ["queued", "held", "failed"]
    assert await held.caster.open_holds() == 0
    assert await held.caster.credit_left() == CREDIT
    await assert_books_balance(held.caster.platform.database)


async def _ended(held: HeldCast) -> Json:
    """The search for a run takes longer than one stream's patience, and an api may be away."""
    async with asyncio.timeout(_AFTER_THE_SEARCH_SECONDS):
        while True:
            with suppress(TimeoutError, httpx.TransportError):
                return await held.caster.followed(held.cast_id)
