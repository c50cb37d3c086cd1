"""What the caster of a workflow-mode cast sees while it runs: its start, its jobs and steps."""

import base64
import hashlib
from typing import Any

from activities.ports import CastStore, RunBus, Vault
from schema.canonical import canonical_json
from schema.contracts.actions import ActionsJob, ActionsLook, ActionsRunRef, ActionsState
from schema.ids import account_of_cast

_NAME_CHARS_MAX = 100


class ActionsProgress:
    """Keeps what a look finds as events, encrypted for the account.

    Args:
        casts: where events are kept.
        bus: tells those who follow.
        vault: encrypts: makers name steps after whatever they like.
    """

    def __init__(self, casts: CastStore, bus: RunBus, vault: Vault) -> None:
        self._casts = casts
        self._bus = bus
        self._vault = vault

    async def note(self, cast_id: str, run: ActionsRunRef, look: ActionsLook, before: str) -> str:
        """Note where the run is, unless that was noted; what to give to the next call.

        A note that is made twice (the worker died before it said so) shows the same state again.
        """
        if look.started_at is None:
            return before
        report = _report(run, look)
        noted = hashlib.sha256(canonical_json(report)).hexdigest()[:16]
        if noted != before:
            await self._casts.mark_running(cast_id)
            sealed = self._vault.encrypt(account_of_cast(cast_id), canonical_json(report))
            await self._casts.note_progress(cast_id, base64.b64encode(sealed).decode("ascii"))
            await self._bus.announce_event(cast_id)
        return noted


def _report(run: ActionsRunRef, look: ActionsLook) -> dict[str, Any]:
    """The run's address, and the job and step that it is at: below twice PROGRESS_BYTES_MAX.

    `done`, `total` and `note` are what reports of all modes have.
    """
    ended = sum(job.state is ActionsState.COMPLETED for job in look.jobs)
    report: dict[str, Any] = {
        "run_url": run.html_url[:300],
        "state": look.state.value,
        "jobs": len(look.jobs),
        "jobs_ended": ended,
    }
    under_way = [job for job in look.jobs if job.state is ActionsState.IN_PROGRESS]
    return report | _job(under_way[0]) if under_way else report


def _job(job: ActionsJob) -> dict[str, Any]:
    name = job.name[:_NAME_CHARS_MAX]
    under_way = [step for step in job.steps if step.state is ActionsState.IN_PROGRESS]
    if not under_way:
        return {"job": name, "note": name}
    step = under_way[0].name[:_NAME_CHARS_MAX]
    ended = sum(step.state is ActionsState.COMPLETED for step in job.steps)
    steps = {"done": ended, "total": len(job.steps)}
    return {"job": name, "step": step, **steps, "note": f"{name}: {step}"}
