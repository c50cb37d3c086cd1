"""Branches and refs: listed, read, made, moved, removed; and commits as a history."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.refusal import RefusedError
from infra.embedded.github.git import HEADS
from infra.embedded.github.git_answers import (
    branch_document,
    commit_document,
    ref_document,
    short_branch_document,
)
from infra.embedded.github.git_objects import Commit, is_ref
from infra.embedded.github.rest.asked import JsonBody, WantedPage, text_of, where_of
from infra.embedded.github.server import Server

_REPOSITORY = "/repos/{owner}/{name}"
_COMMITS_MAX = 1000
_EMPTY = "Git Repository is empty."


def routes(server: Server) -> APIRouter:
    """Routes of branches, commits and refs."""
    router = APIRouter()
    _branches(router, server)
    _refs(router, server)
    _changing(router, server)
    return router


def _branches(router: APIRouter, server: Server) -> None:
    git = server.state.git

    @router.get(_REPOSITORY + "/branches")
    def branches(request: Request, owner: str, name: str, page: WantedPage) -> JSONResponse:
        repository = server.callers.repository(request, owner, name, contents="read")
        where, _ = where_of(server, repository)
        heads = {
            ref.removeprefix(HEADS): sha
            for ref, sha in git.refs(repository["id"]).items()
            if ref.startswith(HEADS)
        }
        return page.answer([short_branch_document(where, *head) for head in heads.items()])

    @router.get(_REPOSITORY + "/branches/{branch:path}")
    def branch(request: Request, owner: str, name: str, branch: str) -> Document:
        repository = server.callers.repository(request, owner, name, contents="read")
        sha = git.refs(repository["id"]).get(HEADS + branch)
        commit = None if sha is None else git.find(repository["id"], sha)
        if commit is None:
            raise RefusedError(404, "Branch not found")
        return branch_document(*where_of(server, repository), branch, commit)

    @router.get(_REPOSITORY + "/commits")
    def commits(
        request: Request, owner: str, name: str, page: WantedPage, sha: str | None = None
    ) -> JSONResponse:
        repository = server.callers.repository(request, owner, name, contents="read")
        found = _history(server, repository, sha)
        where = where_of(server, repository)
        return page.answer([commit_document(*where, commit) for commit in found])

    @router.get(_REPOSITORY + "/commits/{ref:path}")
    def commit(request: Request, owner: str, name: str, ref: str) -> Document:
        repository = server.callers.repository(request, owner, name, contents="read")
        found = git.find(repository["id"], ref)
        if found is None:
            raise RefusedError(422, f"No commit found for SHA: {ref}")
        return commit_document(*where_of(server, repository), found)


def _refs(router: APIRouter, server: Server) -> None:
    git = server.state.git

    @router.get(_REPOSITORY + "/git/ref/{ref:path}")
    def get_ref(request: Request, owner: str, name: str, ref: str) -> Document:
        repository = server.callers.repository(request, owner, name, contents="read")
        refs = _refs_of(server, repository)
        if f"refs/{ref}" not in refs:
            raise RefusedError(404, "Not Found")
        where, _ = where_of(server, repository)
        return ref_document(where, f"refs/{ref}", refs[f"refs/{ref}"])

    @router.get(_REPOSITORY + "/git/matching-refs/{ref:path}")
    def matching(request: Request, owner: str, name: str, ref: str) -> list[Document]:
        repository = server.callers.repository(request, owner, name, contents="read")
        where, _ = where_of(server, repository)
        refs = git.refs(repository["id"])
        found = [each for each in refs if each.startswith(f"refs/{ref}")]
        return [ref_document(where, each, refs[each]) for each in found]


def _changing(router: APIRouter, server: Server) -> None:
    git = server.state.git

    @router.post(_REPOSITORY + "/git/refs")
    def make_ref(request: Request, owner: str, name: str, body: JsonBody) -> JSONResponse:
        repository = server.callers.repository(request, owner, name, contents="write")
        ref, sha = text_of(body, "ref"), text_of(body, "sha")
        if not is_ref(ref):
            raise RefusedError(422, f"{ref!r:.80} is not a valid ref name.")
        _refs_of(server, repository)
        _commit(server, repository, sha)
        if not git.move(repository["id"], ref, None, sha):
            raise RefusedError(422, "Reference already exists")
        where, _ = where_of(server, repository)
        return JSONResponse(ref_document(where, ref, sha), 201)

    @router.patch(_REPOSITORY + "/git/refs/{ref:path}")
    def move_ref(request: Request, owner: str, name: str, ref: str, body: JsonBody) -> Document:
        repository = server.callers.repository(request, owner, name, contents="write")
        whole, sha = f"refs/{ref}", text_of(body, "sha")
        before = _refs_of(server, repository).get(whole)
        if before is None:
            raise RefusedError(422, "Reference does not exist")
        commit = _commit(server, repository, sha)
        behind = git.history(repository["id"], commit, _COMMITS_MAX)
        if body.get("force") is not True and before not in {one.sha for one in behind}:
            raise RefusedError(422, "Update is not a fast forward")
        if not git.move(repository["id"], whole, before, sha):
            raise RefusedError(409, f"{whole} is not at {before} any more")
        return ref_document(where_of(server, repository)[0], whole, sha)

    @router.delete(_REPOSITORY + "/git/refs/{ref:path}")
    def drop_ref(request: Request, owner: str, name: str, ref: str) -> Response:
        repository = server.callers.repository(request, owner, name, contents="write")
        if f"refs/{ref}" == HEADS + repository["default_branch"]:
            raise RefusedError(422, "Cannot delete the default branch")
        if not git.drop(repository["id"], f"refs/{ref}"):
            raise RefusedError(422, "Reference does not exist")
        return Response(status_code=204)


def _refs_of(server: Server, repository: Document) -> dict[str, str]:
    """All refs. Raises RefusedError: 409, nothing was ever committed there."""
    refs = server.state.git.refs(repository["id"])
    if not refs:
        raise RefusedError(409, _EMPTY)
    return refs


def _commit(server: Server, repository: Document, sha: str) -> Commit:
    found = server.state.git.find(repository["id"], sha)
    if found is None or found.sha != sha:
        raise RefusedError(422, "Object does not exist")
    return found


def _history(server: Server, repository: Document, ref: str | None) -> list[Commit]:
    _refs_of(server, repository)
    git = server.state.git
    begin = git.find(repository["id"], ref or repository["default_branch"])
    if begin is None:
        raise RefusedError(404, "Not Found")
    return git.history(repository["id"], begin, _COMMITS_MAX)
