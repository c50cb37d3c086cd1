"""What only the local GitHub has: people, repositories and installations made by hand."""

import base64

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.refusal import RefusedError
from infra.embedded.github.addresses import is_login, is_repository_name
from infra.embedded.github.git import HEADS
from infra.embedded.github.git_objects import is_path
from infra.embedded.github.rest.repositories import shown
from infra.embedded.github.rest.sign_in import decide
from infra.embedded.github.server import Server
from infra.embedded.github.state import USER_TOKEN_SECONDS

_PERMISSIONS = {"actions": "write", "contents": "write", "pull_requests": "write"}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewOwner(_Body):
    """A user or an organisation."""

    login: str
    type: str = "User"
    members: list[str] = Field(default_factory=list)


class NewRepository(_Body):
    """A repository with files, in base64."""

    owner: str
    name: str
    files: dict[str, str] = Field(default_factory=dict)
    private: bool = False
    is_template: bool = False
    collaborators: list[str] = Field(default_factory=list)
    """Who may push besides the owner."""


class NewInstallation(_Body):
    """The App with an owner."""

    account: str
    permissions: dict[str, str] = Field(default_factory=lambda: dict(_PERMISSIONS))
    repositories: list[str] | None = None
    suspended: bool = False


class NewRateLimit(_Body):
    """How many requests a caller may make in an hour."""

    limit: int = Field(ge=1, le=10_000_000)


class Decision(_Body):
    """What a person says to a device's code."""

    user_code: str
    login: str
    allow: bool = True


def routes(server: Server) -> APIRouter:
    """Routes below `/_local`; the server listens on loopback only."""
    router, state = APIRouter(prefix="/_local"), server.state

    @router.put("/rate-limit")
    def set_rate_limit(body: NewRateLimit) -> Response:
        server.limits.set(body.limit)
        return Response(status_code=204)

    @router.post("/owners")
    def make_owner(body: NewOwner) -> Document:
        _named(body.login)
        return state.make_owner(body.login, body.type, body.members)

    @router.post("/tokens/{login}")
    def make_token(login: str) -> Document:
        if state.owner(login) is None:
            raise RefusedError(404, "Not Found")
        text, _ = state.add_token(
            "ghp_", USER_TOKEN_SECONDS, kind="user", login=login, personal=True
        )
        return {"token": text}

    @router.delete("/tokens/{login}")
    def revoke(login: str) -> Document:
        return {"revoked": state.drop_tokens(login)}

    @router.post("/repositories")
    def make_repository(body: NewRepository) -> JSONResponse:
        files = {path: base64.b64decode(content) for path, content in body.files.items()}
        _named(body.owner)
        if not is_repository_name(body.name) or not all(map(is_path, files)):
            raise RefusedError(422, "The repository, or one of its files, cannot be called so.")
        state.make_owner(body.owner, "User", [])
        found = state.repository(body.owner, body.name)
        if found is None:
            more = {
                "private": body.private,
                "is_template": body.is_template,
                "collaborators": body.collaborators,
            }
            found = state.make_repository(body.owner, body.name, files, **more)
        else:
            before = state.git.find(found["id"], found["default_branch"])
            parents = [] if before is None else [before.sha]
            sha = state.git.commit(
                found["id"], files, message="Update", author=body.owner, parents=parents
            )
            state.git.point(found["id"], HEADS + found["default_branch"], sha)
        return JSONResponse(shown(server, found, None), 201)

    @router.put("/installations")
    def install(body: NewInstallation) -> Document:
        if state.owner(body.account) is None:
            raise RefusedError(404, "Not Found")
        made = state.install(body.account, body.permissions, body.repositories)
        state.suspend(body.account, suspended=body.suspended)
        return made

    @router.delete("/installations/{account}")
    def uninstall(account: str) -> Response:
        state.uninstall(account)
        return Response(status_code=204)

    @router.post("/device")
    def device(body: Decision) -> Response:
        done = decide(server, body.user_code, body.login, allow=body.allow)
        return Response(status_code=204 if done else 404)

    return router


def _named(login: str) -> None:
    if not is_login(login):
        raise RefusedError(422, f"{login!r:.80} cannot be the name of a user or an organisation.")
