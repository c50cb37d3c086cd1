"""Repositories: found, made, and generated from templates."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.refusal import RefusedError
from infra.embedded.github.addresses import is_repository_name
from infra.embedded.github.callers import NOT_ACCESSIBLE, Caller
from infra.embedded.github.documents import repository_document
from infra.embedded.github.rest.asked import JsonBody, WantedPage
from infra.embedded.github.server import Server


def shown(server: Server, repository: Document, caller: Caller | None) -> Document:
    """A repository as this caller sees it."""
    owner = server.state.owner(repository["owner"])
    assert owner is not None
    push = None
    if caller is not None:
        push = caller.is_user and server.callers.may_push(caller.login, repository)
    document = repository_document(server.base_url, owner, repository, push=push)
    template = repository["template"] and server.state.repository_by_id(repository["template"])
    if template:
        template_owner = server.state.owner(template["owner"])
        assert template_owner is not None
        document["template_repository"] = repository_document(
            server.base_url, template_owner, template, push=None
        )
    return document


def routes(server: Server) -> APIRouter:
    """Routes of repositories themselves."""
    router, state = APIRouter(), server.state

    @router.get("/repos/{owner}/{name}")
    def get(request: Request, owner: str, name: str) -> Document:
        repository = server.callers.repository(request, owner, name, metadata="read")
        return shown(server, repository, server.callers.caller(request))

    @router.get("/installation/repositories")
    def of_installation(request: Request, page: WantedPage) -> JSONResponse:
        caller = server.callers.caller(request)
        if caller is None or caller.installation is None:
            raise RefusedError(403, NOT_ACCESSIBLE)
        names = caller.installation["repositories"]
        found = [
            one
            for one in state.repositories(caller.installation["account"])
            if (names is None or one["name"] in names)
            and (caller.repositories is None or one["id"] in caller.repositories)
        ]
        items = [shown(server, one, caller) for one in found]
        return page.counted("repositories", items)

    @router.post("/user/repos")
    def make_own(request: Request, body: JsonBody) -> JSONResponse:
        caller = _user(server, request)
        return _made(server, caller, caller.login, body)

    @router.post("/orgs/{login}/repos")
    def make_in_organisation(request: Request, login: str, body: JsonBody) -> JSONResponse:
        return _made(server, _user(server, request), login, body)

    @router.post("/repos/{owner}/{name}/generate")
    def generate(request: Request, owner: str, name: str, body: JsonBody) -> JSONResponse:
        template = server.callers.repository(request, owner, name, contents="read")
        caller = _user(server, request)
        if not template["is_template"]:
            raise RefusedError(404, "Not Found")
        commit = state.git.find(template["id"], template["default_branch"])
        files = {} if commit is None else state.git.files(template["id"], commit)
        into = str(body.get("owner") or caller.login)
        return _made(server, caller, into, body, files=files, template=template["id"])

    return router


def _user(server: Server, request: Request) -> Caller:
    """Whose user token it is: an installation makes nobody's repositories."""
    caller = server.callers.caller(request)
    if caller is None:
        raise RefusedError(401, "Requires authentication")
    if not caller.is_user:
        raise RefusedError(403, NOT_ACCESSIBLE)
    return caller


def _made(
    server: Server, caller: Caller, login: str, body: dict[str, Any], **more: Any
) -> JSONResponse:
    owner, name = server.state.owner(login), str(body.get("name", ""))
    if owner is None or caller.login not in {owner["login"], *owner["members"]}:
        raise RefusedError(404, "Not Found")
    if caller.is_of_app and not server.callers.app_may(owner["login"], administration="write"):
        raise RefusedError(403, NOT_ACCESSIBLE)
    if not is_repository_name(name):
        raise RefusedError(422, "Repository creation failed.", errors=[_name_error("is invalid")])
    if server.state.repository(login, name) is not None:
        message, taken = "Repository creation failed.", "name already exists on this account"
        raise RefusedError(422, f"{message}: {taken}", errors=[_name_error(taken)])
    made = server.state.make_repository(
        owner["login"],
        name,
        more.pop("files", {}),
        private=bool(body.get("private")),
        description=body.get("description"),
        is_template=bool(body.get("is_template")),
        **more,
    )
    return JSONResponse(shown(server, made, caller), 201)


def _name_error(message: str) -> Document:
    return {"resource": "Repository", "code": "custom", "field": "name", "message": message}
