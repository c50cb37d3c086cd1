"""What `act --json` prints, folded into jobs, steps and log lines.

act writes one JSON object a line. `jobResult` ends a job, `stepResult` ends a step, `raw_output`
marks what a step printed itself. Its own times are whole seconds, so the reader's clock is used.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_CONCLUSIONS = {"success": "success", "failure": "failure", "skipped": "skipped"}
_FIXED_STEPS = {"Set up job", "Complete job"}


@dataclass
class StepRecord:
    """One step of a job."""

    key: str
    name: str
    number: int
    started_at: datetime
    completed_at: datetime | None = None
    conclusion: str | None = None


@dataclass
class JobRecord:
    """One job, as far as it has come."""

    name: str
    job_id: str
    started_at: datetime
    completed_at: datetime | None = None
    conclusion: str | None = None
    steps: list[StepRecord] = field(default_factory=list)

    def end(self, at: datetime, conclusion: str) -> None:
        """End the job, and the steps in it that have no end yet."""
        for step in self.steps:
            if step.conclusion is None:
                step.completed_at, step.conclusion = at, conclusion
        self.completed_at, self.conclusion = at, conclusion


@dataclass(frozen=True)
class Told:
    """What one line changed."""

    job: JobRecord
    log: str | None
    """A line for the job's log."""
    changed: bool
    """Whether the job or a step of it began or ended."""


class ActLines:
    """Folds the lines of one run.

    Args:
        jobs: the workflow file's jobs, for the names of their steps.
        workflow: the workflow's name, which act puts before a job's.
    """

    def __init__(self, jobs: Mapping[str, Any], workflow: str) -> None:
        self.jobs: dict[str, JobRecord] = {}
        self._declared = jobs
        self._workflow = workflow

    def take(self, line: bytes, at: datetime) -> Told | None:
        """Read a line; None where it says nothing of a job."""
        try:
            said = json.loads(line)
        except ValueError:
            return None
        if not isinstance(said, dict) or not isinstance(said.get("job"), str):
            return None
        known = said["job"] in self.jobs
        job = self._job(said, at)
        changed = self._step(job, said, at) or not known
        if said.get("jobResult"):
            result = _worst(job, str(said["jobResult"]))
            job.end(at, result)
            changed = True
        return Told(job, _log_line(said), changed)

    def _job(self, said: Mapping[str, Any], at: datetime) -> JobRecord:
        key = said["job"]
        if key not in self.jobs:
            job_id = str(said.get("jobID", key))
            self.jobs[key] = JobRecord(self._job_name(job_id, said), job_id, at)
        return self.jobs[key]

    def _job_name(self, job_id: str, said: Mapping[str, Any]) -> str:
        base = declared_name(self._declared.get(job_id), job_id)
        values = [str(value) for value in (said.get("matrix") or {}).values()]
        return f"{base} ({', '.join(values)})" if values else base

    def _step(self, job: JobRecord, said: Mapping[str, Any], at: datetime) -> bool:
        path = said.get("stepID") or said.get("stepid") or []
        if len(path) != 1:
            return False  # of no step, or inside a composite action
        stage = str(said.get("stage", "Main"))
        key = f"{stage}:{path[0]}"
        step = next((step for step in job.steps if step.key == key), None)
        began = step is None and not said.get("raw_output") and "⭐" in str(said.get("msg"))
        if began:
            step = StepRecord(key, self._step_name(job, said, stage), len(job.steps) + 1, at)
            job.steps.append(step)
        if step is not None and said.get("stepResult"):
            step.completed_at = at
            step.conclusion = _CONCLUSIONS.get(str(said["stepResult"]), "failure")
            return True
        return began

    def _step_name(self, job: JobRecord, said: Mapping[str, Any], stage: str) -> str:
        step = str(said.get("step") or "").strip() or "Run"
        if step in _FIXED_STEPS:
            return step
        steps = (self._declared.get(job.job_id) or {}).get("steps") or []
        named = {str(one.get("name")) for one in steps if isinstance(one, dict)}
        name = step if step in named else f"Run {step.splitlines()[0]}"
        return name if stage == "Main" else f"{stage} {name}"


def declared_name(job: Mapping[str, Any] | None, key: str) -> str:
    """What a job is called by its file, which an expression leaves open; then by its key."""
    name = (job or {}).get("name")
    return name if isinstance(name, str) and "${{" not in name else key


def _worst(job: JobRecord, result: str) -> str:
    """A job of a matrix is called failed when its neighbour failed: its own steps know better."""
    if (
        result == "failure"
        and job.steps
        and all(step.conclusion in {"success", "skipped"} for step in job.steps)
    ):
        return "success"
    return _CONCLUSIONS.get(result, "failure")


def _log_line(said: Mapping[str, Any]) -> str | None:
    message = str(said.get("msg", "")).rstrip("\n")
    if said.get("raw_output"):
        return message
    if "⭐ Run" in message:
        return f"##[group]{message.partition('⭐ ')[2]}"
    return f"##[error]{message}" if said.get("level") == "error" else None
