"""Actions runs: how they begin, go on and end, and who is told.

    queued -> in_progress -> completed        a run; a rerun begins the next attempt at queued

Every change is in the documents before a webhook tells of it.
"""

from collections.abc import Mapping
from threading import Lock
from typing import Any

from infra.embedded.github.actions.clock import now, stamp
from infra.embedded.github.actions.documents import Document, Documents
from infra.embedded.github.actions.faults import FaultKind, Faults
from infra.embedded.github.actions.host import Host, HostedCommit, HostedRepository
from infra.embedded.github.actions.jobs import Jobs
from infra.embedded.github.actions.views import Views
from infra.embedded.github.actions.webhooks import Webhooks
from infra.embedded.github.actions.workflow_files import WorkflowFile

RUN, WORKFLOW = "run", "workflow"


class Runs:
    """The record of all runs: kept in `documents`, told by `webhooks` as `views` show them."""

    def __init__(
        self, host: Host, documents: Documents, webhooks: Webhooks, faults: Faults, views: Views
    ) -> None:
        self._host = host
        self._documents = documents
        self._webhooks = webhooks
        self._faults = faults
        self._views = views
        self._numbering = Lock()
        self.jobs = Jobs(host, documents, webhooks, views)

    def begin(
        self,
        repository: HostedRepository,
        workflow: Document,
        file: WorkflowFile,
        commit: HostedCommit,
        event: str,
        body: Mapping[str, Any],
        actor: Mapping[str, Any],
    ) -> Document:
        """A new run, queued.

        Args:
            repository: where.
            workflow: the workflow's document.
            file: the workflow, parsed at the commit.
            commit: what it runs at.
            event: `workflow_dispatch` or `repository_dispatch`.
            body: the event, as the run's steps see it.
            actor: who asked (`simple-user`).
        """
        github = {"event": body, "actor": actor.get("login"), "event_name": event}
        contexts = {"inputs": body.get("inputs") or {}, "github": github}
        hidden = self._faults.take(FaultKind.UNLISTED_RUN, repository.full_name)
        at = now()
        run: Document = {
            "name": file.name,
            "path": file.path,
            "title": file.title(contexts, commit.message),
            "event": event,
            "event_body": dict(body),
            "branch": commit.branch,
            "sha": commit.sha,
            "message": commit.message,
            "actor": dict(actor),
            "attempt": 1,
            "status": "queued",
            "conclusion": None,
            "created_at": stamp(at),
            "updated_at": stamp(at),
            "run_started_at": stamp(at),
            "listed_from": at.timestamp() + (hidden.seconds if hidden else 0),
            "starts_from": at.timestamp() + self._faults.queue_seconds(repository.full_name),
        }
        with self._numbering:
            run["number"] = 1 + len(
                self._documents.all(RUN, repository.repository_id, workflow["id"])
            )
            run_id = self._documents.add(RUN, run, repository.repository_id, workflow["id"])
        begun = self.get(run_id)
        assert begun is not None
        self.tell_run(begun, "requested")
        self.jobs.queue(begun, file)
        return begun

    def get(self, run_id: int) -> Document | None:
        """A run; None when it is unknown."""
        return self._documents.get(RUN, run_id)

    def listed(self, repository_id: int, workflow_id: int | None = None) -> list[Document]:
        """The runs of a repository that lists show, newest first."""
        at = now().timestamp()
        found = self._documents.all(RUN, repository_id, workflow_id)
        return [run for run in reversed(found) if run["listed_from"] <= at]

    def unfinished(self) -> list[Document]:
        """Runs that have not ended, oldest first."""
        return [run for run in self._documents.all(RUN) if run["status"] != "completed"]

    def started(self, run_id: int) -> Document | None:
        """A queued run is in progress now; None when it is not queued any more."""

        def change(run: Document) -> bool | None:
            if run["status"] != "queued":
                return False
            run.update(status="in_progress", updated_at=stamp(), run_started_at=stamp())
            return None

        run = self._documents.change(RUN, run_id, change)
        if run is not None:
            self.tell_run(run, "in_progress")
        return run

    def ended(self, run_id: int, conclusion: str) -> Document | None:
        """A run has ended, and with it what was left of its jobs; None when it had before."""
        run = self.get(run_id)
        if run is None or run["status"] == "completed":
            return None
        self.jobs.end(run, conclusion)

        def change(document: Document) -> bool | None:
            if document["status"] == "completed":
                return False
            document.update(status="completed", conclusion=conclusion, updated_at=stamp())
            return None

        run = self._documents.change(RUN, run_id, change)
        if run is not None:
            self.tell_run(run, "completed")
        return run

    def again(self, run_id: int) -> Document | None:
        """The next attempt of a run that has ended; None when it has not."""

        def change(run: Document) -> bool | None:
            if run["status"] != "completed":
                return False
            run.update(
                status="queued",
                conclusion=None,
                attempt=run["attempt"] + 1,
                updated_at=stamp(),
                starts_from=0.0,
            )
            return None

        run = self._documents.change(RUN, run_id, change)
        if run is not None:
            self.tell_run(run, "requested")
        return run

    def delete(self, run: Document) -> None:
        """Forget a run, its jobs and its artifacts' names."""
        self.jobs.forget(run)
        self._documents.drop(RUN, run["id"])

    def tell_run(self, run: Document, action: str) -> None:
        """Send `workflow_run`."""
        repository = self._host.by_id(run["repository_id"])
        if repository is None:
            return
        workflow = self._documents.get(WORKFLOW, run["parent_id"]) or {}
        body = {
            "action": action,
            "workflow_run": self._views.run(repository, run),
            "workflow": self._views.workflow(repository, workflow) if workflow else None,
            "repository": repository.document,
            "sender": run["actor"],
        }
        self._webhooks.tell(repository, "workflow_run", body)
