"""Routes of workflows and dispatches."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from infra.embedded.github.actions.paging import PageNumber, PageSize, RunFilter, page
from infra.embedded.github.actions.place import Place
from infra.embedded.github.actions.run_routes import run_list

_WORKFLOWS = "/repos/{owner}/{repo}/actions/workflows"
_WORKFLOW = _WORKFLOWS + "/{workflow_id}"


class WorkflowDispatch(BaseModel):
    """Body of a `workflow_dispatch`."""

    ref: str = Field(min_length=1, max_length=300)
    inputs: dict[str, Any] = Field(default_factory=dict)
    return_run_details: bool = False


class RepositoryDispatch(BaseModel):
    """Body of a `repository_dispatch`."""

    event_type: str
    client_payload: dict[str, Any] = Field(default_factory=dict)


def routes(place: Place) -> APIRouter:
    """The addresses of workflows and dispatches."""
    router = APIRouter()
    _reading(router, place)
    _dispatching(router, place)
    return router


def _reading(router: APIRouter, place: Place) -> None:
    @router.get(_WORKFLOWS)
    def list_workflows(
        request: Request,
        owner: str,
        repo: str,
        number: Annotated[PageNumber, Query(alias="page")] = 1,
        per_page: PageSize = 30,
    ) -> Response:
        repository, _ = place.host.repository(request, owner, repo, "read")
        found = place.dispatching.workflows(repository)
        shown = [place.views.workflow(repository, workflow) for workflow in found]
        return page(request, "workflows", shown, number, per_page)

    @router.get(_WORKFLOW)
    def get_workflow(request: Request, owner: str, repo: str, workflow_id: str) -> Response:
        repository, _ = place.host.repository(request, owner, repo, "read")
        workflow = place.dispatching.workflow(repository, workflow_id)
        return JSONResponse(place.views.workflow(repository, workflow))

    @router.get(_WORKFLOW + "/runs")
    def list_runs_of(
        request: Request,
        owner: str,
        repo: str,
        workflow_id: str,
        wanted: Annotated[RunFilter, Query()],
        number: Annotated[PageNumber, Query(alias="page")] = 1,
        per_page: PageSize = 30,
    ) -> Response:
        repository, _ = place.host.repository(request, owner, repo, "read")
        workflow = place.dispatching.workflow(repository, workflow_id)
        return run_list(place, request, repository, workflow["id"], wanted, number, per_page)


def _dispatching(router: APIRouter, place: Place) -> None:
    @router.post(_WORKFLOW + "/dispatches")
    def dispatch_workflow(
        request: Request, owner: str, repo: str, workflow_id: str, body: WorkflowDispatch
    ) -> Response:
        repository, actor = place.host.repository(request, owner, repo, "write")
        run = place.dispatching.workflow_dispatch(
            repository, workflow_id, body.ref, body.inputs, actor
        )
        if not body.return_run_details:
            return Response(status_code=204)
        shown = place.views.run(repository, run)
        details = {"workflow_run_id": run["id"], "run_url": shown["url"]}
        return JSONResponse({**details, "html_url": shown["html_url"]})

    @router.post("/repos/{owner}/{repo}/dispatches")
    def dispatch_repository(
        request: Request, owner: str, repo: str, body: RepositoryDispatch
    ) -> Response:
        repository, actor = place.host.repository(request, owner, repo, "contents:write")
        place.dispatching.repository_dispatch(
            repository, body.event_type, body.client_payload, actor
        )
        return Response(status_code=204)
