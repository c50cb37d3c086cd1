"""Casts of mode `workflow` that are held up at one step each, so that a worker can die in it.

What the worker asks the database for is held up by a lock of the test's, what it asks GitHub for by
a slow answer, and a run by a gate.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import text

from infra.postgres import Database
from schema.ids import cast_id_for
from tests.support.e2e import Caster, Json, as_object, fresh_key
from tests.support.workflow_mode import CREDIT, ActionsSpell, Case, LocalActions, until

_HOLD_SETTLEMENT = "SELECT 1 FROM holds WHERE cast_id = :cast_id FOR UPDATE"
_HOLD_RECORD = "SELECT 1 FROM actions_runs WHERE cast_id = :cast_id FOR UPDATE"
_HOLD_INPUTS = "SELECT 1 FROM run_inputs WHERE cast_id = :cast_id FOR UPDATE"
# Another's row that is not committed: whoever writes the same waits for what becomes of it.
_HOLD_INTENT = (
    "INSERT INTO actions_runs (cast_id, repo, workflow, ref) VALUES (:cast_id, 'a/b', 'c.yml', 'd')"
)
_OLD_INPUTS = text(
    "INSERT INTO run_inputs (token_hash, cast_id, blob_key, expires_at)"
    " VALUES (sha256(convert_to(:cast_id, 'UTF8')), :cast_id, 'none', now())"
)
_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE wait_event_type = 'Lock' AND starts_with(query, :statement)"
)
# An answer that is given up is asked for again, and is slow again.
_SLOW_SECONDS, _SLOW_TIMES = 14, 5


class _EnoughError(Exception):
    """Rolls the test's transactions back."""


@dataclass(frozen=True)
class HeldCast:
    """A cast, whose it is, and what its run does."""

    caster: Caster
    spell: ActionsSpell
    case: Case
    key: str = field(default_factory=fresh_key)

    @property
    def cast_id(self) -> str:
        """Known before there is a cast."""
        person = self.caster.person
        return cast_id_for(person.account_id, person.secret, self.key)

    async def ask(self) -> httpx.Response:
        """Ask for it, or ask again."""
        return await self.caster.cast(self.spell.key, self.case.inputs, key=self.key)

    async def begin(self) -> None:
        """Have it admitted."""
        admitted = await self.caster.admitted(self.spell.key, self.case.inputs, key=self.key)
        assert admitted["cast_id"] == self.cast_id

    async def cancel(self) -> Json:
        """Cancel it; what is answered at its end."""
        answer = await self.caster.post(f"/v1/casts/{self.cast_id}:cancel")
        assert answer.status_code == 200, answer.text
        return as_object(answer)

    @asynccontextmanager
    async def asking(self, path: str) -> AsyncIterator[None]:
        """Have GitHub take its time at one address; it was asked there when this is left."""
        await self.spell.fault("slow_answer", path=path, seconds=_SLOW_SECONDS, times=_SLOW_TIMES)
        yield
        await until(lambda: self._was_asked(_SLOW_TIMES))

    async def _was_asked(self, times: int) -> bool:
        return any(fault["times"] < times for fault in await self.spell.faults())


class Stage:
    """Where casts are held up.

    Args:
        github: of the platform.
        locks: the database's locks that are held until it is closed.
    """

    def __init__(self, github: LocalActions, locks: AsyncExitStack) -> None:
        self.github = github
        self.cancelling: asyncio.Task[Json] | None = None
        """The answer to the only cancel."""
        self.admitting: asyncio.Task[httpx.Response] | None = None
        """The answer to the cast that is not decided on."""
        self._locks = locks

    async def cast(self, *, gated: bool = False, **changes: Any) -> HeldCast:
        """A cast that has not begun, of a spell and by a caster of its own."""
        spell = await self.github.spell(**changes)
        caster = await self.github.platform.new_caster(CREDIT)
        return HeldCast(caster, spell, spell.case(gated=True) if gated else spell.case())

    async def during_the_check(self, held: HeldCast) -> None:
        """Nothing is decided: GitHub is asked whether the cast could be dispatched."""
        await held.spell.fault("slow_answer", path="/installation", seconds=_SLOW_SECONDS)
        self.admitting = asyncio.create_task(held.ask())
        await until(lambda: _none(held.spell.faults()))

    async def before_the_intent(self, held: HeldCast) -> None:
        """Nothing is on record, and GitHub was not asked."""
        await self._lock(_HOLD_INTENT, held)
        await held.begin()
        await self._worker_waits("INSERT INTO actions_runs")

    async def before_the_dispatch(self, held: HeldCast) -> None:
        """The intent is on record, and GitHub was not asked."""
        async with self.github.platform.database.transaction() as connection:
            await connection.execute(_OLD_INPUTS, {"cast_id": held.cast_id})
        await self._lock(_HOLD_INPUTS, held)
        await held.begin()
        await self._worker_waits("DELETE FROM run_inputs")

    async def during_the_dispatch(self, held: HeldCast) -> None:
        """GitHub was asked, and takes it only when nobody listens any more."""
        async with held.asking("/dispatches"):
            await held.begin()

    async def before_the_record(self, held: HeldCast) -> None:
        """GitHub has said which run it is, and that is not on record."""
        await held.spell.fault("slow_answer", path="/dispatches", seconds=1)
        await held.begin()
        await until(lambda: _none(held.spell.faults()))
        await self._lock(_HOLD_RECORD, held)
        await self._worker_waits("UPDATE actions_runs SET run_id")

    async def in_progress(self, held: HeldCast) -> None:
        """The run is at its work."""
        await held.begin()
        await until(held.case.begun)
        await held.caster.events(held.cast_id, until="progress")

    async def queued(self, held: HeldCast) -> None:
        """GitHub has the run in its queue: all its places are taken."""
        await held.begin()
        await until(held.spell.runs)
        assert (await held.spell.the_run())["status"] == "queued"

    async def during_the_cancel(self, held: HeldCast) -> None:
        """GitHub was asked to cancel the run."""
        await self.in_progress(held)
        async with held.asking("/cancel"):
            self.cancelling = asyncio.create_task(held.cancel())

    async def before_the_artifacts(self, held: HeldCast) -> None:
        """The run has ended, and nothing of it has been fetched."""
        async with held.asking("/logs"):
            await held.begin()

    async def fetching(self, held: HeldCast) -> None:
        """Logs are fetched, and an artifact is asked for."""
        async with held.asking("/zip"):
            await held.begin()

    async def before_the_settlement(self, held: HeldCast) -> None:
        """Everything is fetched and kept, and the hold is open."""
        await held.begin()
        await self._lock(_HOLD_SETTLEMENT, held)
        held.case.open()
        await self._worker_waits("SELECT h.*, c.started_at")

    async def _lock(self, statement: str, held: HeldCast) -> None:
        parameters = {"cast_id": held.cast_id}
        database = self.github.platform.database
        await self._locks.enter_async_context(_locked(database, statement, parameters))

    async def _worker_waits(self, statement: str) -> None:
        async def waiting() -> int:
            async with self.github.platform.database.reading() as connection:
                found = await connection.execute(_WAITING, {"statement": statement})
                return int(found.scalar_one())

        await until(waiting)


@asynccontextmanager
async def _locked(
    database: Database, statement: str, parameters: dict[str, Any]
) -> AsyncIterator[None]:
    """What the statement locks; it changes nothing."""
    with suppress(_EnoughError):
        async with database.transaction() as connection:
            await connection.execute(text(statement), parameters)
            yield
            raise _EnoughError


async def _none(found: Awaitable[list[Json]]) -> bool:
    return not await found
