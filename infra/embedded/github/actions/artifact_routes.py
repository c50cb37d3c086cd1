"""Routes of artifacts, for those who read what a run uploaded."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.host import HostedRepository
from infra.embedded.github.actions.paging import PageNumber, PageSize, page
from infra.embedded.github.actions.place import Place
from infra.embedded.github.actions.refusal import RefusedError
from infra.embedded.github.actions.run_routes import find_run

_ACTIONS = "/repos/{owner}/{repo}/actions"
_ARTIFACT = _ACTIONS + "/artifacts/{artifact_id}"


def routes(place: Place) -> APIRouter:
    """The addresses of artifacts."""
    router = APIRouter()

    @router.get(_ACTIONS + "/runs/{run_id}/artifacts")
    @router.get(_ACTIONS + "/artifacts")
    def list_artifacts(
        request: Request,
        owner: str,
        repo: str,
        run_id: int | None = None,
        name: str | None = None,
        number: Annotated[PageNumber, Query(alias="page")] = 1,
        per_page: PageSize = 30,
    ) -> Response:
        repository, _ = place.host.repository(request, owner, repo, "read")
        if run_id is not None:
            find_run(place, repository, run_id)
        found = place.artifacts.all(repository.repository_id, run_id)
        shown = [
            place.views.artifact(repository, artifact)
            for artifact in found
            if name is None or artifact["name"] == name
        ]
        return page(request, "artifacts", shown, number, per_page)

    @router.get(_ARTIFACT)
    def get_artifact(request: Request, owner: str, repo: str, artifact_id: int) -> Response:
        repository, _ = place.host.repository(request, owner, repo, "read")
        artifact = _find(place, repository, artifact_id)
        return JSONResponse(place.views.artifact(repository, artifact))

    @router.get(_ARTIFACT + "/zip")
    def download(request: Request, owner: str, repo: str, artifact_id: int) -> Response:
        repository, _ = place.host.repository(request, owner, repo, "read")
        artifact = _find(place, repository, artifact_id)
        if artifact["expired"]:
            raise RefusedError(410, "Artifact has expired")
        address = place.artifacts.address(artifact_id, "get")
        return Response(status_code=302, headers={"location": address})

    @router.delete(_ARTIFACT)
    def delete(request: Request, owner: str, repo: str, artifact_id: int) -> Response:
        repository, _ = place.host.repository(request, owner, repo, "write")
        place.artifacts.delete(_find(place, repository, artifact_id)["id"])
        return Response(status_code=204)

    return router


def _find(place: Place, repository: HostedRepository, artifact_id: int) -> Document:
    artifact = place.artifacts.get(artifact_id)
    if artifact is None or artifact["repository_id"] != repository.repository_id:
        raise RefusedError(404, "Not Found")
    return artifact
