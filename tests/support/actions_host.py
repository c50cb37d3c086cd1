"""The Actions half of the local GitHub in a host of the tests: one repository, no tokens.

As a program (`actions_host.py FOLDER PORT`) it serves the folder's `files.json`; tests kill it.
"""

import hashlib
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.requests import Request

from infra.embedded.github.actions.host import HostedCommit, HostedRepository, WebhookTarget
from infra.embedded.github.actions.mount import mount
from infra.embedded.github.actions.place import Place
from infra.embedded.github.actions.refusal import RefusedError

REPOSITORY = "/repos/maker/spell"
SAMPLE = Path(__file__).parent / "workflows" / "cast.yml"
_USER_PAGES = (
    *("avatar", "events", "followers", "following", "gists", "html", "organizations"),
    *("received_events", "repos", "starred", "subscriptions"),
)
_REPOSITORY_PAGES = (
    *("archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits"),
    *("compare", "contents", "contributors", "deployments", "downloads", "events", "forks"),
    *("git_commits", "git_refs", "git_tags", "hooks", "html", "issue_comment", "issue_events"),
    *("issues", "keys", "labels", "languages", "merges", "milestones", "notifications", "pulls"),
    *("releases", "stargazers", "statuses", "subscribers", "subscription", "tags", "teams"),
    "trees",
)


class Host:
    """One repository, `maker/spell`, with one branch, `main`."""

    def __init__(self, base_url: str, files: Mapping[str, bytes]) -> None:
        self.base_url = base_url
        self.files = dict(files)
        self.webhooks: list[WebhookTarget] = []
        self._actor = {
            "login": "maker",
            "id": 7,
            "node_id": "VTc=",
            "gravatar_id": None,
            "type": "User",
            "site_admin": False,
            "url": f"{base_url}/users/maker",
            **{f"{page}_url": f"{base_url}/maker/{page}" for page in _USER_PAGES},
        }
        document = {
            "id": 1,
            "node_id": "UjE=",
            "name": "spell",
            "full_name": "maker/spell",
            "private": False,
            "description": None,
            "fork": False,
            "owner": self._actor,
            **{f"{page}_url": f"{base_url}{REPOSITORY}/{page}" for page in _REPOSITORY_PAGES},
            "url": f"{base_url}{REPOSITORY}",
        }
        self._hosted = HostedRepository(1, "maker", "spell", "main", document)

    def repository(
        self, request: Request, owner: str, name: str, level: str
    ) -> tuple[HostedRepository, Mapping[str, Any]]:
        del request, level
        if (owner, name) != ("maker", "spell"):
            raise RefusedError(404, "Not Found")
        return self._hosted, self._actor

    def by_id(self, repository_id: int) -> HostedRepository | None:
        return self._hosted if repository_id == 1 else None

    def commit(self, repository_id: int, ref: str) -> HostedCommit | None:
        if repository_id != 1:
            return None
        sha = hashlib.sha1(repr(sorted(self.files.items())).encode()).hexdigest()
        if ref not in {"main", "refs/heads/main", sha}:
            return None
        return HostedCommit(sha, "main", "First", self.files)

    def targets(self, repository_id: int) -> list[WebhookTarget]:
        return self.webhooks if repository_id == 1 else []

    def app(self, request: Request) -> int:
        del request
        return 1


class Served:
    """A server and a client of it."""

    def __init__(self, url: str, host: Host | None = None, place: Place | None = None) -> None:
        self.url = url
        self.host = host
        self.place = place
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=30)

    def dispatch(self, workflow: str = "w.yml", **inputs: Any) -> int:
        """A run of the workflow; its id."""
        body = {"ref": "main", "inputs": inputs, "return_run_details": True}
        answer = self.http.post(f"{REPOSITORY}/actions/workflows/{workflow}/dispatches", json=body)
        return int(answer.raise_for_status().json()["workflow_run_id"])

    def get(self, path: str) -> Any:
        return self.http.get(f"{REPOSITORY}/{path}").raise_for_status().json()

    def run(self, run_id: int) -> Any:
        return self.get(f"actions/runs/{run_id}")

    def wait(self, run_id: int, status: str = "completed", seconds: float = 30) -> Any:
        """The run once it has this status."""
        until = time.monotonic() + seconds
        while (run := self.run(run_id))["status"] != status:
            assert time.monotonic() < until, f"the run stayed {run['status']}"
            time.sleep(0.02)
        return run

    def log(self, run_id: int) -> str:
        """The logs of all jobs of a run."""
        jobs = self.get(f"actions/runs/{run_id}/jobs")["jobs"]
        return "".join(self._follow(f"actions/jobs/{job['id']}/logs").text for job in jobs)

    def artifact(self, run_id: int) -> bytes:
        """The archive of the run's first artifact."""
        artifact = self.get(f"actions/runs/{run_id}/artifacts")["artifacts"][0]
        return self._follow(f"actions/artifacts/{artifact['id']}/zip").content

    def _follow(self, path: str) -> httpx.Response:
        answer = self.http.get(f"{REPOSITORY}/{path}")
        assert answer.status_code == 302
        return self.http.get(answer.headers["location"]).raise_for_status()


@contextmanager
def serving(folder: Path, files: Mapping[str, bytes], slots: int = 2) -> Iterator[Served]:
    """The server, in a thread of this process."""
    port = free_port()
    host = Host(f"http://127.0.0.1:{port}", files)
    place = Place.open(host, folder, slots)
    server = _server(place, port)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    served = Served(host.base_url, host, place)
    ready(served)
    try:
        yield served
    finally:
        server.should_exit = True
        thread.join(10)
        place.close()
        served.http.close()


def workflow(steps: str, more: str = "") -> bytes:
    """A workflow file of one job, with one optional input."""
    head = "name: w\non:\n  workflow_dispatch:\n    inputs: {word: {type: string}}\n"
    return f"{head}jobs:\n  one:\n    runs-on: ubuntu-latest\n{more}    steps:\n{steps}".encode()


def ready(served: Served, seconds: float = 20) -> None:
    """Wait until it answers."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            served.http.get("/_local/faults")
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("the server did not start")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _server(place: Place, port: int) -> uvicorn.Server:
    app = FastAPI()
    mount(app, place)
    place.engine.recover()
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning")
    return uvicorn.Server(config)


def main() -> None:
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    files = json.loads((folder / "files.json").read_text())
    host = Host(f"http://127.0.0.1:{port}", {path: text.encode() for path, text in files.items()})
    _server(Place.open(host, folder), port).run()


if __name__ == "__main__":
    main()
