"""Routes of runs: list, look, logs, cancel, run again, delete, jobs."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.host import HostedRepository
from infra.embedded.github.actions.job_logs import JobLogs
from infra.embedded.github.actions.paging import PageNumber, PageSize, RunFilter, page
from infra.embedded.github.actions.place import Place
from infra.embedded.github.actions.refusal import RefusedError

_RUNS = "/repos/{owner}/{repo}/actions/runs"
_RUN = _RUNS + "/{run_id}"
_JOB = "/repos/{owner}/{repo}/actions/jobs/{job_id}"


def routes(place: Place) -> APIRouter:
    """The addresses of runs and jobs."""
    router = APIRouter()
    _reading(router, place)
    _acting(router, place)
    _logs(router, place)
    return router


def run_list(
    place: Place,
    request: Request,
    repository: HostedRepository,
    workflow_id: int | None,
    wanted: RunFilter,
    number: int,
    size: int,
) -> Response:
    """A page of runs, of one workflow or of all."""
    found = place.runs.listed(repository.repository_id, workflow_id)
    shown = [place.views.run(repository, run) for run in found if wanted.fits(run)]
    return page(request, "workflow_runs", shown, number, size)


def find_run(place: Place, repository: HostedRepository, run_id: int) -> Document:
    """A run of the repository. Raises RefusedError: 404."""
    run = place.runs.get(run_id)
    if run is None or run["repository_id"] != repository.repository_id:
        raise RefusedError(404, "Not Found")
    return run


def _reading(router: APIRouter, place: Place) -> None:
    @router.get(_RUNS)
    def list_runs(
        request: Request,
        owner: str,
        repo: str,
        wanted: Annotated[RunFilter, Query()],
        number: Annotated[PageNumber, Query(alias="page")] = 1,
        per_page: PageSize = 30,
    ) -> Response:
        repository, _ = place.host.repository(request, owner, repo, "read")
        return run_list(place, request, repository, None, wanted, number, per_page)

    @router.get(_RUN)
    def get_run(request: Request, owner: str, repo: str, run_id: int) -> Response:
        repository, _ = place.host.repository(request, owner, repo, "read")
        return JSONResponse(place.views.run(repository, find_run(place, repository, run_id)))

    @router.get(_RUN + "/jobs")
    @router.get(_RUN + "/attempts/{attempt}/jobs")
    def list_jobs(
        request: Request,
        owner: str,
        repo: str,
        run_id: int,
        attempt: int | None = None,
        number: Annotated[PageNumber, Query(alias="page")] = 1,
        per_page: PageSize = 30,
    ) -> Response:
        repository, _ = place.host.repository(request, owner, repo, "read")
        run = find_run(place, repository, run_id)
        shown = [place.views.job(repository, run, job) for job in place.runs.jobs.of(run, attempt)]
        return page(request, "jobs", shown, number, per_page)

    @router.get(_JOB)
    def get_job(request: Request, owner: str, repo: str, job_id: int) -> Response:
        repository, _ = place.host.repository(request, owner, repo, "read")
        run, job = _job(place, repository, job_id)
        return JSONResponse(place.views.job(repository, run, job))


def _acting(router: APIRouter, place: Place) -> None:
    @router.post(_RUN + "/cancel")
    @router.post(_RUN + "/force-cancel")
    def cancel(request: Request, owner: str, repo: str, run_id: int) -> Response:
        repository, _ = place.host.repository(request, owner, repo, "write")
        if not place.engine.cancel(find_run(place, repository, run_id)):
            raise RefusedError(409, "Cannot cancel a workflow run that is completed.")
        return JSONResponse({}, status_code=202)

    @router.post(_RUN + "/rerun")
    @router.post(_RUN + "/rerun-failed-jobs")
    def rerun(request: Request, owner: str, repo: str, run_id: int) -> Response:
        repository, _ = place.host.repository(request, owner, repo, "write")
        run = place.runs.again(find_run(place, repository, run_id)["id"])
        if run is None:
            raise RefusedError(403, "This workflow is already running")
        place.engine.enqueue(run)
        return JSONResponse({}, status_code=201)

    @router.delete(_RUN)
    def delete(request: Request, owner: str, repo: str, run_id: int) -> Response:
        repository, _ = place.host.repository(request, owner, repo, "write")
        run = find_run(place, repository, run_id)
        if run["status"] != "completed":
            raise RefusedError(403, "Could not delete the workflow run: it is not completed")
        for artifact in place.artifacts.all(repository.repository_id, run_id):
            place.artifacts.delete(artifact["id"])
        place.runs.delete(run)
        return Response(status_code=204)


def _logs(router: APIRouter, place: Place) -> None:
    @router.get(_RUN + "/logs")
    def run_logs(request: Request, owner: str, repo: str, run_id: int) -> Response:
        repository, _ = place.host.repository(request, owner, repo, "read")
        run = find_run(place, repository, run_id)
        return _found(place.signed.address(f"runs/{run['id']}"))

    @router.get(_JOB + "/logs")
    def job_logs(request: Request, owner: str, repo: str, job_id: int) -> Response:
        repository, _ = place.host.repository(request, owner, repo, "read")
        _, job = _job(place, repository, job_id)
        return _found(place.signed.address(f"jobs/{job['id']}"))

    @router.get("/_local/logs/runs/{run_id}", include_in_schema=False)
    def run_log_bytes(request: Request, run_id: int) -> Response:
        place.signed.check(request, f"runs/{run_id}")
        run = place.runs.get(run_id)
        if run is None:
            raise RefusedError(404, "Not Found")
        archive = JobLogs(place.engine.workspace(run)).archive(place.runs.jobs.of(run))
        return Response(archive, media_type="application/zip")

    @router.get("/_local/logs/jobs/{job_id}", include_in_schema=False)
    def job_log_bytes(request: Request, job_id: int) -> Response:
        place.signed.check(request, f"jobs/{job_id}")
        job = place.runs.jobs.get(job_id)
        run = place.runs.get(job["parent_id"]) if job else None
        if job is None or run is None:
            raise RefusedError(404, "Not Found")
        logs = JobLogs(place.engine.workspace(run, job["attempt"]))
        return Response(logs.read(job_id), media_type="text/plain")


def _job(place: Place, repository: HostedRepository, job_id: int) -> tuple[Document, Document]:
    job = place.runs.jobs.get(job_id)
    if job is None or job["repository_id"] != repository.repository_id:
        raise RefusedError(404, "Not Found")
    return find_run(place, repository, job["parent_id"]), job


def _found(address: str) -> Response:
    return Response(status_code=302, headers={"location": address})
