"""What GitHub says of Actions runs, read into our own words. Times are GitHub's."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from schema.contracts.actions import (
    ActionsArtifact,
    ActionsJob,
    ActionsLook,
    ActionsRunRef,
    ActionsState,
    ActionsStep,
)

_NAME_CHARS_MAX = 200
_ARTIFACT_NAME_CHARS_MAX = 256
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_STATES = {"completed": ActionsState.COMPLETED, "in_progress": ActionsState.IN_PROGRESS}


def run_ref(repo: str, run: dict[str, Any]) -> ActionsRunRef:
    """Names the run."""
    return ActionsRunRef(repo=repo, run_id=run["id"], html_url=str(run.get("html_url", "")))


def look_of(run: dict[str, Any], jobs: Iterable[dict[str, Any]]) -> ActionsLook:
    """Where the run is. One that waits for an approval between two jobs is under way."""
    began = [job for job in jobs if _has_begun(job)]
    state = _state(run.get("status"))
    if began and state is ActionsState.QUEUED:
        state = ActionsState.IN_PROGRESS
    ended = state is ActionsState.COMPLETED
    return ActionsLook(
        state=state,
        conclusion=_text(run.get("conclusion")) if ended else None,
        started_at=min((at for job in began if (at := _at(job, "started_at"))), default=None),
        ended_at=max((at for job in began if (at := _at(job, "completed_at"))), default=None)
        if ended
        else None,
        run_attempt=int(run.get("run_attempt") or 1),
        commit=_commit(run.get("head_sha")),
        jobs=[_job(job) for job in jobs],
    )


def artifact_of(document: dict[str, Any]) -> ActionsArtifact:
    """One artifact, as GitHub lists it."""
    return ActionsArtifact(
        artifact_id=document["id"],
        # A longer one is refused as a name when it is unpacked, not here as GitHub's fault.
        name=str(document["name"])[:_ARTIFACT_NAME_CHARS_MAX],
        bytes=int(document.get("size_in_bytes") or 0),
        digest=_text(document.get("digest")),
        expired=bool(document.get("expired")),
    )


def _has_begun(job: dict[str, Any]) -> bool:
    """GitHub gives jobs that never ran times of beginning, too.

    Queued ones; skipped ones; and those that were cancelled in the queue, which are completed with
    no step and no runner.
    """
    state = _state(job.get("status"))
    if state is not ActionsState.COMPLETED:
        return state is ActionsState.IN_PROGRESS
    was_taken = bool(job.get("steps") or job.get("runner_id"))
    return was_taken and job.get("conclusion") != "skipped"


def _state(status: Any) -> ActionsState:
    """`queued`, `requested`, `waiting` and `pending` are all before the start."""
    return _STATES.get(str(status), ActionsState.QUEUED)


def _job(job: dict[str, Any]) -> ActionsJob:
    return ActionsJob(
        name=str(job.get("name"))[:_NAME_CHARS_MAX],
        state=_state(job.get("status")),
        conclusion=_text(job.get("conclusion")),
        steps=[
            ActionsStep(
                name=str(step.get("name"))[:_NAME_CHARS_MAX],
                state=_state(step.get("status")),
                conclusion=_text(step.get("conclusion")),
            )
            for step in job.get("steps") or []
        ],
    )


def _at(job: dict[str, Any], name: str) -> datetime | None:
    text = job.get(name)
    return datetime.fromisoformat(str(text)) if text else None


def _commit(value: Any) -> str | None:
    return value if isinstance(value, str) and _COMMIT.fullmatch(value) else None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)[:_NAME_CHARS_MAX]
