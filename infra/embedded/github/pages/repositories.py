"""Pages of a repository: its files, runs with their logs, and pull requests."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.job_logs import JobLogs
from infra.embedded.github.actions.place import Place
from infra.embedded.github.actions.refusal import RefusedError
from infra.embedded.github.git_objects import BLOB
from infra.embedded.github.pages.home import run_rows
from infra.embedded.github.pages.markup import (
    Html,
    link,
    note,
    page,
    preformatted,
    section,
    table,
)
from infra.embedded.github.pull_files import changed_files
from infra.embedded.github.server import Server

_REPOSITORY = "/{owner}/{name}"
_TEXT_BYTES_MAX = 256 * 1024
_FILES_MAX, _RUNS_MAX = 1000, 100


def routes(server: Server, place: Place) -> APIRouter:
    """The pages; none asks who looks, as nothing of `/_local` does."""
    router = APIRouter(include_in_schema=False)
    _code(router, server, place)
    _events(router, server, place)
    return router


def _code(router: APIRouter, server: Server, place: Place) -> None:
    git = server.state.git

    @router.get(_REPOSITORY)
    def repository(owner: str, name: str) -> HTMLResponse:
        found = _find(server, owner, name)
        full_name = f"{found['owner']}/{found['name']}"
        runs = place.runs.listed(found["id"])[:_RUNS_MAX]
        names = ("run", "repository", "event", "state", "created")
        return page(
            full_name,
            note(found["description"] or ("Private." if found["private"] else "Public.")),
            section("Files", _files(server, found, full_name)),
            section("Actions runs", table(names, run_rows(server, runs))),
            section("Pull requests", _pulls(server, found, full_name)),
            section("Branches", table(("ref", "commit"), git.refs(found["id"]).items())),
        )

    @router.get(_REPOSITORY + "/blob/{branch}/{path:path}")
    def file(owner: str, name: str, branch: str, path: str) -> HTMLResponse:
        found = _find(server, owner, name)
        commit = git.find(found["id"], branch)
        entry = None if commit is None else git.entries(found["id"], commit.tree).get(path)
        content = None if entry is None else git.get(found["id"], BLOB, entry.sha)
        if content is None:
            raise RefusedError(404, "Not Found")
        return page(path, preformatted(_text(content)))


def _events(router: APIRouter, server: Server, place: Place) -> None:
    @router.get(_REPOSITORY + "/actions/runs/{run_id}")
    def run(owner: str, name: str, run_id: int) -> HTMLResponse:
        found, run = _find(server, owner, name), place.runs.get(run_id)
        if run is None or run["repository_id"] != found["id"]:
            raise RefusedError(404, "Not Found")
        state = run["conclusion"] or run["status"]
        head = f"{run['name']}, attempt {run['attempt']} at {run['branch']}: {state}."
        jobs = [_job(place, run, job) for job in place.runs.jobs.of(run)]
        artifacts = place.artifacts.all(found["id"], run_id)
        rows = [[one["name"], one["size"], one["digest"]] for one in artifacts]
        return page(
            run["title"],
            note(head),
            *jobs,
            section("Artifacts", table(("name", "bytes", "digest"), rows)),
        )

    @router.get(_REPOSITORY + "/pull/{number}")
    def pull(owner: str, name: str, number: int) -> HTMLResponse:
        found = _find(server, owner, name)
        pulls = [one for one in server.state.pulls(found["id"]) if one["number"] == number]
        if not pulls:
            raise RefusedError(404, "Not Found")
        files = changed_files(server.state.git, found["id"], pulls[0], "", "")
        return page(
            pulls[0]["title"],
            note(f"{pulls[0]['head']} into {pulls[0]['base']}, by {pulls[0]['login']}."),
            preformatted(pulls[0]["body"] or ""),
            *(section(one["filename"], preformatted(one.get("patch", ""))) for one in files),
        )


def _find(server: Server, owner: str, name: str) -> Document:
    found = server.state.repository(owner, name)
    if found is None:
        raise RefusedError(404, "Not Found")
    return found


def _files(server: Server, repository: Document, full_name: str) -> Html:
    git, branch = server.state.git, repository["default_branch"]
    commit = git.find(repository["id"], branch)
    entries = {} if commit is None else git.entries(repository["id"], commit.tree)
    shown = list(entries.items())[:_FILES_MAX]
    rows = [[link(f"/{full_name}/blob/{branch}/{path}", path), one.sha[:10]] for path, one in shown]
    return table(("file", "blob"), rows)


def _pulls(server: Server, repository: Document, full_name: str) -> Html:
    rows = [
        [link(f"/{full_name}/pull/{one['number']}", one["title"]), one.get("state", "open")]
        for one in reversed(server.state.pulls(repository["id"]))
    ]
    return table(("pull request", "state"), rows)


def _job(place: Place, run: Document, job: Document) -> Html:
    names = ("step", "conclusion", "started", "completed")
    steps = [
        [one["name"], one["conclusion"] or one["status"], one["started_at"], one["completed_at"]]
        for one in job["steps"]
    ]
    log = JobLogs(place.engine.workspace(run, job["attempt"])).read(job["id"])
    title = f"Job {job['name']}: {job['conclusion'] or job['status']}"
    return section(title, table(names, steps), preformatted(_text(log[-_TEXT_BYTES_MAX:])))


def _text(content: bytes) -> str:
    if b"\0" in content[:8000]:
        return f"({len(content)} bytes that are no text)"
    return content[:_TEXT_BYTES_MAX].decode("utf-8", "replace")
