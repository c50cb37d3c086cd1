"""Pull requests: opened, listed, read. Nothing merges them."""

import time
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.refusal import RefusedError
from infra.embedded.github.documents import moment, user_document
from infra.embedded.github.server import Server


def routes(server: Server) -> APIRouter:
    """Routes of pull requests."""
    router, state = APIRouter(), server.state

    @router.get("/repos/{owner}/{name}/pulls")
    def all_pulls(
        request: Request, owner: str, name: str, head: str | None = None
    ) -> list[Document]:
        repository = server.callers.repository(request, owner, name, pull_requests="read")
        found = [_pull(server, repository, one) for one in state.pulls(repository["id"])]
        return [one for one in reversed(found) if head is None or one["head"]["label"] == head]

    @router.get("/repos/{owner}/{name}/pulls/{number}")
    def one_pull(request: Request, owner: str, name: str, number: int) -> Document:
        repository = server.callers.repository(request, owner, name, pull_requests="read")
        for one in state.pulls(repository["id"]):
            if one["number"] == number:
                return _pull(server, repository, one)
        raise RefusedError(404, "Not Found")

    @router.post("/repos/{owner}/{name}/pulls")
    async def open_pull(request: Request, owner: str, name: str) -> JSONResponse:
        repository = server.callers.repository(request, owner, name, pull_requests="write")
        caller, body = server.callers.caller(request), await request.json()
        assert caller is not None, "who may write has said who it is"
        made = state.add_pull(repository["id"], _checked(server, repository, body, caller.login))
        return JSONResponse(_pull(server, repository, made), 201)

    return router


def _checked(server: Server, repository: Document, body: dict[str, Any], login: str) -> Document:
    head, base = str(body["head"]).rpartition(":")[2], str(body["base"])
    for name, field in ((head, "head"), (base, "base")):
        if server.state.git.find(repository["id"], name) is None:
            raise RefusedError(422, f"Validation Failed: {field} is invalid")
    if any(one["head"] == head for one in server.state.pulls(repository["id"])):
        message = f"A pull request already exists for {repository['owner']}:{head}."
        raise RefusedError(422, message)
    return {
        "title": body["title"],
        "body": body.get("body"),
        "head": head,
        "base": base,
        "login": login,
        "created_at": time.time(),
    }


def _pull(server: Server, repository: Document, pull: Document) -> Document:
    owner = server.state.owner(repository["owner"])
    assert owner is not None
    user = server.state.owner(pull["login"]) or {"login": pull["login"], "id": 0, "type": "Bot"}
    url = f"{server.base_url}/repos/{repository['owner']}/{repository['name']}"
    page = f"{server.base_url}/{repository['owner']}/{repository['name']}/pull/{pull['number']}"

    def side(branch: str) -> Document:
        commit = server.state.git.find(repository["id"], branch)
        return {
            "label": f"{repository['owner']}:{branch}",
            "ref": branch,
            "sha": commit.sha if commit else "",
            "user": user_document(server.base_url, owner),
        }

    return {
        "id": pull["id"],
        "number": pull["number"],
        "url": f"{url}/pulls/{pull['number']}",
        "html_url": page,
        "issue_url": f"{url}/issues/{pull['number']}",
        "state": "open",
        "title": pull["title"],
        "body": pull["body"],
        "user": user_document(server.base_url, user),
        "head": side(pull["head"]),
        "base": side(pull["base"]),
        "created_at": moment(pull["created_at"]),
        "updated_at": moment(pull["created_at"]),
        "draft": False,
        "merged": False,
    }
