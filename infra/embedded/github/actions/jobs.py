"""The jobs of Actions runs: queued with their run, taken when act begins them, ended with it.

As on GitHub, a job that never ran is `completed` in the end, too: it has no step and no runner, and
the time of its queueing for its start.
"""

from datetime import datetime
from typing import Any

from infra.embedded.github.actions.act_lines import JobRecord, declared_name
from infra.embedded.github.actions.clock import stamp
from infra.embedded.github.actions.documents import Document, Documents
from infra.embedded.github.actions.host import Host
from infra.embedded.github.actions.views import Views
from infra.embedded.github.actions.webhooks import Webhooks
from infra.embedded.github.actions.workflow_files import WorkflowFile

JOB = "job"
_RUNNER, _NO_RUNNER = 1, 0


class Jobs:
    """The record of all jobs: kept in `documents`, told by `webhooks` as `views` show them."""

    def __init__(self, host: Host, documents: Documents, webhooks: Webhooks, views: Views) -> None:
        self._host = host
        self._documents = documents
        self._webhooks = webhooks
        self._views = views

    def of(self, run: Document, attempt: int | None = None) -> list[Document]:
        """The jobs of an attempt (without a number: the latest), oldest first."""
        wanted = attempt or run["attempt"]
        found = self._documents.all(JOB, run["repository_id"], run["id"])
        return [job for job in found if job["attempt"] == wanted]

    def get(self, job_id: int) -> Document | None:
        """A job; None when it is unknown."""
        return self._documents.get(JOB, job_id)

    def queue(self, run: Document, file: WorkflowFile) -> None:
        """The jobs of a new run, as far as its file says them; a matrix is one until it begins."""
        for key, declared in file.jobs.items():
            job_id = self._add(run, key, declared_name(declared, key))
            self._tell(run, job_id, "queued")

    def began(self, run: Document, record: JobRecord) -> int:
        """A job has begun; its id."""
        job_id = self._queued(run, record.job_id)
        if job_id is None:
            job_id = self._add(run, record.job_id, record.name)
            self._tell(run, job_id, "queued")
        taken = {"runner_id": _RUNNER, **_body(record)}
        self._documents.change(JOB, job_id, lambda job: job.update(taken))
        self._tell(run, job_id, "in_progress")
        return job_id

    def changed(self, run: Document, job_id: int, record: JobRecord) -> None:
        """A job or a step of it has begun or ended."""
        self._documents.change(JOB, job_id, lambda job: job.update(_body(record)))
        if record.conclusion is not None:
            self._tell(run, job_id, "completed")

    def end(self, run: Document, conclusion: str) -> None:
        """The run has ended so: what is left of its jobs ends, too."""
        for job in self.of(run):
            if job["status"] != "completed":
                was_taken = job["runner_id"] != _NO_RUNNER or conclusion == "cancelled"
                self._end(run, job["id"], conclusion if was_taken else "skipped")

    def forget(self, run: Document) -> None:
        """Drop the jobs of a run."""
        for job in self._documents.all(JOB, run["repository_id"], run["id"]):
            self._documents.drop(JOB, job["id"])

    def _add(self, run: Document, key: str, name: str) -> int:
        at = stamp()
        body: Document = {
            "attempt": run["attempt"],
            "key": key,
            "name": name,
            "steps": [],
            "status": "queued",
            "conclusion": None,
            "runner_id": _NO_RUNNER,
            "created_at": at,
            "started_at": at,
            "completed_at": None,
        }
        return self._documents.add(JOB, body, run["repository_id"], run["id"])

    def _queued(self, run: Document, key: str) -> int | None:
        waiting = (job for job in self.of(run) if job["status"] == "queued" and job["key"] == key)
        return next((int(job["id"]) for job in waiting), None)

    def _end(self, run: Document, job_id: int, conclusion: str) -> None:
        def change(job: Document) -> None:
            for part in (job, *job["steps"]):
                if part["status"] != "completed":
                    part.update(status="completed", conclusion=conclusion, completed_at=stamp())

        self._documents.change(JOB, job_id, change)
        self._tell(run, job_id, "completed")

    def _tell(self, run: Document, job_id: int, action: str) -> None:
        repository, job = self._host.by_id(run["repository_id"]), self.get(job_id)
        if repository is None or job is None:
            return
        body = {
            "action": action,
            "workflow_job": self._views.job(repository, run, job),
            "repository": repository.document,
            "sender": run["actor"],
        }
        self._webhooks.tell(repository, "workflow_job", body)


def _body(record: JobRecord) -> Document:
    steps = [
        {
            "name": step.name,
            "number": step.number,
            **_progress(step.conclusion, step.started_at, step.completed_at),
        }
        for step in record.steps
    ]
    progress = _progress(record.conclusion, record.started_at, record.completed_at)
    return {"name": record.name, "steps": steps, **progress}


def _progress(conclusion: str | None, began: datetime, ended: datetime | None) -> dict[str, Any]:
    return {
        "status": "completed" if conclusion else "in_progress",
        "conclusion": conclusion,
        "started_at": stamp(began),
        "completed_at": stamp(ended) if ended else None,
    }
