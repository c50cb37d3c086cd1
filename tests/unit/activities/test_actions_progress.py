"""What casters see of an Actions run while it is under way."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from activities.actions_progress import ActionsProgress
from schema.contracts.actions import (
    ActionsJob,
    ActionsLook,
    ActionsRunRef,
    ActionsState,
    ActionsStep,
)
from schema.ids import account_of_cast
from schema.limits import PROGRESS_BYTES_MAX
from tests.modules.fleet import new_cast_id
from tests.support.platform import make_vault

RUN = ActionsRunRef(repo="acme/report", run_id=7, html_url="https://github.example/run/7")
DONE, NOW, LATER = ActionsState.COMPLETED, ActionsState.IN_PROGRESS, ActionsState.QUEUED


class Noted:
    """Keeps what is noted; plays casts and bus."""

    def __init__(self) -> None:
        self.cast_id = new_cast_id()
        self.reports: list[dict[str, Any]] = []
        self.announced = 0
        self._vault = make_vault()
        self._progress = ActionsProgress(self, self, self._vault)  # type: ignore[arg-type]

    async def of(self, look: ActionsLook, before: str = "") -> str:
        return await self._progress.note(self.cast_id, RUN, look, before)

    async def mark_running(self, cast_id: str) -> None:
        assert cast_id == self.cast_id

    async def note_progress(self, cast_id: str, sealed_report: str) -> None:
        sealed = base64.b64decode(sealed_report)
        assert len(sealed) < 2 * PROGRESS_BYTES_MAX
        self.reports.append(json.loads(self._vault.decrypt(account_of_cast(cast_id), sealed)))

    async def announce_event(self, cast_id: str) -> None:
        assert cast_id == self.cast_id
        self.announced += 1


def a_look(*jobs: ActionsJob) -> ActionsLook:
    began = datetime(2026, 11, 26, tzinfo=UTC) if jobs else None
    return ActionsLook(state=NOW if jobs else LATER, started_at=began, jobs=list(jobs))


def a_job(name: str, *steps: ActionsState) -> ActionsJob:
    named = [ActionsStep(name=f"step {n}", state=state) for n, state in enumerate(steps, 1)]
    return ActionsJob(name=name, state=NOW if NOW in steps else DONE, steps=named)


async def test_the_job_and_the_step_under_way_are_told_as_every_mode_tells_its_progress() -> None:
    noted = Noted()
    await noted.of(a_look(a_job("build", DONE), a_job("resize", DONE, NOW, LATER)))
    assert noted.reports == [
        {
            "run_url": RUN.html_url,
            "state": "in_progress",
            "jobs": 2,
            "jobs_ended": 1,
            "job": "resize",
            "step": "step 2",
            "done": 1,
            "total": 3,
            "note": "resize: step 2",
        }
    ]


async def test_nothing_is_told_of_a_run_in_the_queue_nor_twice() -> None:
    noted = Noted()
    assert await noted.of(a_look()) == ""
    before = await noted.of(a_look(a_job("build", NOW)))
    assert await noted.of(a_look(a_job("build", NOW)), before) == before
    assert (len(noted.reports), noted.announced) == (1, 1)
    assert await noted.of(a_look(a_job("build", DONE, NOW)), before) != before
    assert len(noted.reports) == 2


async def test_long_names_are_cut() -> None:
    """Of characters that take four bytes each."""
    noted = Noted()
    step = ActionsStep(name="\U0001f600" * 200, state=NOW)
    job = ActionsJob(name="\U0001f600" * 200, state=NOW, steps=[step])
    await noted.of(a_look(job))
    assert noted.reports[0]["job"] in step.name
