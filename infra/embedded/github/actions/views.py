"""How workflows, runs, jobs and artifacts look in GitHub's answers."""

import base64
from typing import Any

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.host import HostedRepository


class Views:
    """Builds answers; every address in them begins with the server's own.

    Args:
        base_url: as clients reach the server. PyGithub asserts that answers hold no other host.
    """

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")

    def api(self, repository: HostedRepository, path: str) -> str:
        """The address of something in a repository."""
        return f"{self._base_url}/repos/{repository.full_name}/{path}"

    def html(self, repository: HostedRepository, path: str) -> str:
        """The address of a page about something in a repository."""
        return f"{self._base_url}/{repository.full_name}/{path}"

    def workflow(self, repository: HostedRepository, workflow: Document) -> Document:
        """`workflow`."""
        file = workflow["path"].rpartition("/")[2]
        page = self.html(repository, f"actions/workflows/{file}")
        return {
            "id": workflow["id"],
            "node_id": _node("Workflow", workflow["id"]),
            "name": workflow["name"],
            "path": workflow["path"],
            "state": "active",
            "created_at": workflow["created_at"],
            "updated_at": workflow["created_at"],
            "url": self.api(repository, f"actions/workflows/{workflow['id']}"),
            "html_url": self.html(
                repository, f"blob/{repository.default_branch}/{workflow['path']}"
            ),
            "badge_url": f"{page}/badge.svg",
        }

    def run(self, repository: HostedRepository, run: Document) -> Document:
        """`workflow-run`."""
        url = self.api(repository, f"actions/runs/{run['id']}")
        suite = self.api(repository, f"check-suites/{run['id']}")
        attempt = run["attempt"]
        return {
            "id": run["id"],
            "name": run["name"],
            "node_id": _node("WorkflowRun", run["id"]),
            "check_suite_id": run["id"],
            "check_suite_node_id": _node("CheckSuite", run["id"]),
            "head_branch": run["branch"],
            "head_sha": run["sha"],
            "path": run["path"],
            "display_title": run["title"],
            "run_number": run["number"],
            "run_attempt": attempt,
            "event": run["event"],
            "status": run["status"],
            "conclusion": run["conclusion"],
            "workflow_id": run["parent_id"],
            "url": url,
            "html_url": self.html(repository, f"actions/runs/{run['id']}"),
            "pull_requests": [],
            "created_at": run["created_at"],
            "updated_at": run["updated_at"],
            "run_started_at": run["run_started_at"],
            "actor": run["actor"],
            "triggering_actor": run["actor"],
            "referenced_workflows": [],
            "jobs_url": f"{url}/jobs",
            "logs_url": f"{url}/logs",
            "check_suite_url": suite,
            "artifacts_url": f"{url}/artifacts",
            "cancel_url": f"{url}/cancel",
            "rerun_url": f"{url}/rerun",
            "previous_attempt_url": f"{url}/attempts/{attempt - 1}" if attempt > 1 else None,
            "workflow_url": self.api(repository, f"actions/workflows/{run['parent_id']}"),
            "head_commit": _head_commit(run),
            "repository": repository.document,
            "head_repository": repository.document,
        }

    def job(self, repository: HostedRepository, run: Document, job: Document) -> Document:
        """`job`; without a runner while, and if, none has taken it."""
        runner = "local" if job["runner_id"] else ""
        shown = ("name", "status", "conclusion", "created_at", "started_at", "completed_at")
        page = f"actions/runs/{run['id']}/job/{job['id']}"
        return {
            **{name: job[name] for name in shown},
            "id": job["id"],
            "run_id": run["id"],
            "run_url": self.api(repository, f"actions/runs/{run['id']}"),
            "run_attempt": job["attempt"],
            "workflow_name": run["name"],
            "head_branch": run["branch"],
            "head_sha": run["sha"],
            "node_id": _node("CheckRun", job["id"]),
            "url": self.api(repository, f"actions/jobs/{job['id']}"),
            "html_url": self.html(repository, page),
            "check_run_url": self.api(repository, f"check-runs/{job['id']}"),
            "steps": job["steps"],
            "labels": ["ubuntu-latest"],
            "runner_id": job["runner_id"],
            "runner_name": runner,
            "runner_group_id": job["runner_id"],
            "runner_group_name": runner,
        }

    def artifact(self, repository: HostedRepository, artifact: Document) -> Document:
        """`artifact`."""
        url = self.api(repository, f"actions/artifacts/{artifact['id']}")
        run = artifact["run"]
        return {
            "id": artifact["id"],
            "node_id": _node("Artifact", artifact["id"]),
            "name": artifact["name"],
            "size_in_bytes": artifact["size"],
            "url": url,
            "archive_download_url": f"{url}/zip",
            "expired": artifact["expired"],
            "created_at": artifact["created_at"],
            "updated_at": artifact["created_at"],
            "expires_at": artifact["expires_at"],
            "digest": artifact["digest"],
            "workflow_run": {
                "id": artifact["parent_id"],
                "repository_id": repository.repository_id,
                "head_repository_id": repository.repository_id,
                "head_branch": run["branch"],
                "head_sha": run["sha"],
            },
        }

    def delivery(self, delivery: Document, *, whole: bool) -> Document:
        """`hook-delivery`, or without the payload `hook-delivery-item`."""
        shown = ("guid", "delivered_at", "redelivery", "duration", "status", "status_code", "event")
        more = ("action", "installation_id", "repository_id")
        item = {"id": delivery["id"], **{name: delivery[name] for name in (*shown, *more)}}
        if not whole:
            return item
        request = {
            "headers": {"X-GitHub-Delivery": delivery["guid"]},
            "payload": delivery["payload"],
        }
        return {
            **item,
            "url": delivery["url"],
            "request": request,
            "response": {"headers": None, "payload": None},
        }


def _node(kind: str, number: int) -> str:
    return base64.b64encode(f"{kind}{number}".encode()).decode()


def _head_commit(run: Document) -> dict[str, Any]:
    person = {"name": run["actor"].get("login", "local"), "email": "local@localhost"}
    return {
        "id": run["sha"],
        "tree_id": run["sha"],
        "message": run["message"],
        "timestamp": run["created_at"],
        "author": person,
        "committer": person,
    }
