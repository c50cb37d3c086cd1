"""The App: itself, its installations, and their tokens."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.refusal import RefusedError
from infra.embedded.github.documents import (
    app_document,
    installation_document,
    moment,
    repository_document,
)
from infra.embedded.github.rest.asked import JsonBody, WantedPage
from infra.embedded.github.server import Server
from infra.embedded.github.state import INSTALLATION_TOKEN_SECONDS

_LEVELS = {"read": 1, "write": 2, "admin": 3}
_NOT_GRANTED = "The permissions requested are not granted to this installation."


def routes(server: Server) -> APIRouter:
    """Routes below `/app`, and those that find installations."""
    router, state, base = APIRouter(), server.state, server.base_url

    def shown(installation: Document | None) -> Document:
        if installation is None:
            raise RefusedError(404, "Not Found")
        owner = state.owner(installation["account"])
        assert owner is not None
        return installation_document(base, state.app, owner, installation)

    @router.get("/app")
    def app(request: Request) -> Document:
        server.callers.app(request)
        return app_document(base, state.app, len(state.installations()))

    @router.get("/app/installations")
    def installations(request: Request, page: WantedPage) -> JSONResponse:
        server.callers.app(request)
        return page.answer([shown(one) for one in state.installations()])

    @router.get("/app/installations/{installation_id}")
    def installation(request: Request, installation_id: int) -> Document:
        server.callers.app(request)
        return shown(state.installation(installation_id))

    @router.get("/repos/{owner}/{name}/installation")
    def of_repository(request: Request, owner: str, name: str) -> Document:
        server.callers.app(request)
        found, repository = state.installation_of(owner), state.repository(owner, name)
        names = None if found is None else found["repositories"]
        if repository is None or (names is not None and repository["name"] not in names):
            raise RefusedError(404, "Not Found")
        return shown(found)

    @router.get("/users/{login}/installation")
    @router.get("/orgs/{login}/installation")
    def of_owner(request: Request, login: str) -> Document:
        server.callers.app(request)
        return shown(state.installation_of(login))

    @router.post("/app/installations/{installation_id}/access_tokens")
    def make_token(request: Request, installation_id: int, body: JsonBody) -> JSONResponse:
        server.callers.app(request)
        return JSONResponse(_token(server, installation_id, body), 201)

    @router.delete("/installation/token")
    def drop_token(request: Request) -> Response:
        if server.callers.caller(request) is None:
            raise RefusedError(401, "Requires authentication")
        state.drop_token(request.headers["authorization"].partition(" ")[2])
        return Response(status_code=204)

    return router


def _token(server: Server, installation_id: int, body: dict[str, Any]) -> Document:
    state, base = server.state, server.base_url
    installation = state.installation(installation_id)
    if installation is None:
        raise RefusedError(404, "Not Found")
    if installation["suspended"]:
        raise RefusedError(403, "This installation has been suspended")
    granted = {"metadata": "read", **installation["permissions"]}
    asked = body.get("permissions") or granted
    if not isinstance(asked, dict) or not all(isinstance(one, str) for one in asked.values()):
        raise RefusedError(422, "Invalid request.\n\n'permissions' is not an object of levels.")
    for name, level in asked.items():
        if _LEVELS.get(granted.get(name, ""), 0) < _LEVELS.get(level, 9):
            raise RefusedError(422, _NOT_GRANTED)
    chosen = _chosen(server, installation, body)
    text, token = state.add_token(
        "ghs_",
        INSTALLATION_TOKEN_SECONDS,
        kind="installation",
        installation_id=installation_id,
        permissions={"metadata": "read", **asked},
        repositories=None if chosen is None else [one["id"] for one in chosen],
    )
    document: Document = {
        "token": text,
        "expires_at": moment(token["expires_at"]),
        "permissions": token["permissions"],
        "repository_selection": "all" if chosen is None else "selected",
    }
    if chosen is not None:
        owner = state.owner(installation["account"])
        assert owner is not None
        shown = [repository_document(base, owner, one, push=None) for one in chosen]
        document["repositories"] = shown
    return document


def _chosen(server: Server, installation: Document, body: dict[str, Any]) -> list[Document] | None:
    """The repositories that a token is asked for; None is all of the installation's."""
    ids, names = body.get("repository_ids"), body.get("repositories")
    if not all(isinstance(said, list) or said is None for said in (ids, names)):
        raise RefusedError(422, "Invalid request.\n\nRepositories are not a list.")
    if ids is None and names is None:
        return None
    every = server.state.repositories(installation["account"])
    reached = installation["repositories"]
    there = [one for one in every if reached is None or one["name"] in reached]
    chosen = [one for one in there if one["id"] in (ids or []) or one["name"] in (names or [])]
    if len(chosen) != len(ids or []) + len(names or []):
        message = (
            "There is at least one repository that does not exist or is not accessible to the "
            "parent installation."
        )
        raise RefusedError(422, message)
    return chosen
