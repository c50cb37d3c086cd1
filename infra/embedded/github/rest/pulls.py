"""Pull requests: opened, listed, read, closed. Nothing merges them."""

import time

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.refusal import RefusedError
from infra.embedded.github.git import HEADS
from infra.embedded.github.pull_answers import pull_document, whole_pull_document
from infra.embedded.github.pull_files import changed_files
from infra.embedded.github.rest.asked import JsonBody, WantedPage, text_of, where_of
from infra.embedded.github.server import Server

_PULLS = "/repos/{owner}/{name}/pulls"
_TITLE_MAX = 256
_CHANGEABLE = {"title": _TITLE_MAX, "body": 65_536, "state": 10}


def routes(server: Server) -> APIRouter:
    """Routes of pull requests."""
    router = APIRouter()
    _reading(router, server)
    _writing(router, server)
    return router


def _reading(router: APIRouter, server: Server) -> None:
    state = server.state

    @router.get(_PULLS)
    def all_pulls(
        request: Request,
        owner: str,
        name: str,
        page: WantedPage,
        head: str | None = None,
        base: str | None = None,
        wanted: str = "open",
    ) -> JSONResponse:
        repository = server.callers.repository(request, owner, name, pull_requests="read")
        wanted = request.query_params.get("state", wanted)
        found = [
            one
            for one in reversed(state.pulls(repository["id"]))
            if (head is None or f"{repository['owner']}:{one['head']}" == head)
            and (base is None or one["base"] == base)
            and wanted in {"all", one.get("state", "open")}
        ]
        return page.answer([pull_document(server, repository, one) for one in found])

    @router.get(_PULLS + "/{number}")
    def one_pull(request: Request, owner: str, name: str, number: int) -> Document:
        repository = server.callers.repository(request, owner, name, pull_requests="read")
        return whole_pull_document(server, repository, _find(server, repository, number))

    @router.get(_PULLS + "/{number}/files")
    def files(
        request: Request, owner: str, name: str, number: int, page: WantedPage
    ) -> JSONResponse:
        repository = server.callers.repository(request, owner, name, pull_requests="read")
        pull = _find(server, repository, number)
        where = where_of(server, repository)
        return page.answer(changed_files(state.git, repository["id"], pull, *where))


def _writing(router: APIRouter, server: Server) -> None:
    state = server.state

    @router.post(_PULLS)
    def open_pull(request: Request, owner: str, name: str, body: JsonBody) -> JSONResponse:
        repository = server.callers.repository(request, owner, name, pull_requests="write")
        caller = server.callers.caller(request)
        assert caller is not None, "who may write has said who it is"
        made = state.add_pull(repository["id"], _checked(server, repository, body, caller.login))
        return JSONResponse(whole_pull_document(server, repository, made), 201)

    @router.patch(_PULLS + "/{number}")
    def change(request: Request, owner: str, name: str, number: int, body: JsonBody) -> Document:
        repository = server.callers.repository(request, owner, name, pull_requests="write")
        pull = _find(server, repository, number)
        said: Document = {
            field: text_of(body, field, chars_max)
            for field, chars_max in _CHANGEABLE.items()
            if body.get(field) is not None
        }
        if said.get("state", "open") not in {"open", "closed"}:
            raise RefusedError(422, "Invalid request.\n\n'state' is neither open nor closed.")
        changed = state.change_pull(pull["id"], said)
        return whole_pull_document(server, repository, changed)


def _find(server: Server, repository: Document, number: int) -> Document:
    for one in server.state.pulls(repository["id"]):
        if one["number"] == number:
            return one
    raise RefusedError(404, "Not Found")


def _checked(server: Server, repository: Document, body: Document, login: str) -> Document:
    title = text_of(body, "title", _TITLE_MAX)
    head, base = text_of(body, "head", 300), text_of(body, "base", 300)
    owner, _, head = head.rpartition(":")
    refs = server.state.git.refs(repository["id"])
    fits = {"head": HEADS + head in refs and owner in {"", repository["owner"]}}
    fits["base"] = HEADS + base in refs
    errors: list[Document] = [
        {"resource": "PullRequest", "field": field, "code": "invalid"}
        for field, is_there in fits.items()
        if not is_there
    ]
    if not errors and refs[HEADS + head] == refs[HEADS + base]:
        errors.append(_custom(f"No commits between {base} and {head}"))
    if any(
        one["head"] == head and one["base"] == base and one.get("state", "open") == "open"
        for one in server.state.pulls(repository["id"])
    ):
        errors.append(_custom(f"A pull request already exists for {repository['owner']}:{head}."))
    if errors:
        raise RefusedError(422, "Validation Failed", errors=errors)
    said = {"title": title, "head": head, "base": base, "login": login}
    text = body.get("body")
    return {
        **said,
        "body": None if text is None else str(text)[: _CHANGEABLE["body"]],
        "state": "open",
        "created_at": time.time(),
    }


def _custom(message: str) -> Document:
    return {"resource": "PullRequest", "code": "custom", "message": message}
