"""Git's own objects over REST: blobs, trees, commits."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.refusal import RefusedError
from infra.embedded.github.git_answers import blob_document, git_commit_document, tree_document
from infra.embedded.github.git_objects import (
    BLOB,
    COMMIT,
    KINDS_BY_MODE,
    TREE,
    Entry,
    Person,
    is_path,
)
from infra.embedded.github.rest.asked import JsonBody, base64_of, text_of, where_of, writer
from infra.embedded.github.server import Server

_GIT = "/repos/{owner}/{name}/git"
_ENTRIES_MAX = 100_000
_PARENTS_MAX = 16
_MALFORMED = "tree.path contains a malformed path component"


def routes(server: Server) -> APIRouter:
    """Routes of git objects."""
    router = APIRouter()
    _blobs(router, server)
    _trees(router, server)
    _commits(router, server)
    return router


def _blobs(router: APIRouter, server: Server) -> None:
    git = server.state.git

    @router.post(_GIT + "/blobs")
    def make_blob(request: Request, owner: str, name: str, body: JsonBody) -> JSONResponse:
        repository = server.callers.repository(request, owner, name, contents="write")
        if body.get("encoding", "utf-8") == "base64":
            content = base64_of(body, "content")
        elif isinstance(body.get("content"), str):
            content = body["content"].encode()
        else:
            raise RefusedError(422, 'Invalid request.\n\n"content" wasn\'t supplied.')
        sha = git.add(repository["id"], BLOB, content)
        where, _ = where_of(server, repository)
        return JSONResponse({"sha": sha, "url": f"{where}/git/blobs/{sha}"}, 201)

    @router.get(_GIT + "/blobs/{sha}")
    def blob(request: Request, owner: str, name: str, sha: str) -> Document:
        repository = server.callers.repository(request, owner, name, contents="read")
        content = git.get(repository["id"], BLOB, sha)
        if content is None:
            raise RefusedError(404, "Not Found")
        return blob_document(where_of(server, repository)[0], content)


def _trees(router: APIRouter, server: Server) -> None:
    git = server.state.git

    def shown(repository: Document, sha: str, entries: Mapping[str, Entry]) -> Document:
        sized = {
            path: (entry, len(git.get(repository["id"], BLOB, entry.sha) or b""))
            for path, entry in list(entries.items())[:_ENTRIES_MAX]
        }
        return tree_document(where_of(server, repository)[0], sha, sized)

    @router.get(_GIT + "/trees/{sha:path}")
    def tree(
        request: Request, owner: str, name: str, sha: str, recursive: str | None = None
    ) -> Document:
        repository = server.callers.repository(request, owner, name, contents="read")
        commit = git.find(repository["id"], sha)
        found = sha if commit is None else commit.tree
        if git.get(repository["id"], TREE, found) is None:
            raise RefusedError(404, "Not Found")
        if recursive is None:
            return shown(repository, found, git.level(repository["id"], found))
        return shown(repository, found, git.entries(repository["id"], found, trees=True))

    @router.post(_GIT + "/trees")
    def make_tree(request: Request, owner: str, name: str, body: JsonBody) -> JSONResponse:
        repository = server.callers.repository(request, owner, name, contents="write")
        entries = _base(server, repository, body.get("base_tree"))
        wanted = body.get("tree")
        if not isinstance(wanted, list) or not 0 < len(wanted) <= _ENTRIES_MAX:
            raise RefusedError(422, "Invalid tree info")
        for change in wanted:
            _apply(server, repository, entries, change)
        sha = git.write_tree(repository["id"], entries)
        return JSONResponse(shown(repository, sha, git.level(repository["id"], sha)), 201)


def _base(server: Server, repository: Document, sha: Any) -> dict[str, Entry]:
    if sha is None:
        return {}
    git = server.state.git
    commit = git.find(repository["id"], str(sha))
    tree = str(sha) if commit is None else commit.tree
    if git.get(repository["id"], TREE, tree) is None:
        raise RefusedError(422, "base_tree is not a valid tree oid")
    return git.entries(repository["id"], tree)


def _apply(server: Server, repository: Document, entries: dict[str, Entry], change: Any) -> None:
    """Put one entry of a wanted tree in its place. Raises RefusedError: 422."""
    path = change.get("path") if isinstance(change, dict) else None
    if not isinstance(path, str) or not is_path(path):
        raise RefusedError(422, _MALFORMED)
    new = _wanted(server, repository, path, change)
    above = {path.rsplit("/", count)[0] for count in range(1, path.count("/") + 1)}
    old = [each for each in entries if each == path or each.startswith(f"{path}/")]
    if not new and not old:
        raise RefusedError(422, "GitRPC::BadObjectState")
    for each in {*old, *(above & entries.keys())}:
        del entries[each]
    entries.update(new)


def _wanted(server: Server, repository: Document, path: str, change: Document) -> dict[str, Entry]:
    """The files that an entry stands for; none where it removes one."""
    git, mode, sha = server.state.git, str(change.get("mode")), change.get("sha")
    if mode not in KINDS_BY_MODE:
        raise RefusedError(422, f"tree.mode {mode:.20} is not valid")
    kind = KINDS_BY_MODE[mode]
    if isinstance(change.get("content"), str) and kind == BLOB:
        return {
            path: Entry(mode, BLOB, git.add(repository["id"], BLOB, change["content"].encode()))
        }
    if sha is None:
        return {}
    if kind == COMMIT or git.get(repository["id"], kind, str(sha)) is None:
        raise RefusedError(422, f"tree.sha {sha!s:.80} is not a valid {kind}")
    if kind == TREE:
        below = git.entries(repository["id"], str(sha))
        return {f"{path}/{inside}": entry for inside, entry in below.items()}
    return {path: Entry(mode, BLOB, str(sha))}


def _commits(router: APIRouter, server: Server) -> None:
    git = server.state.git

    @router.get(_GIT + "/commits/{sha}")
    def commit(request: Request, owner: str, name: str, sha: str) -> Document:
        repository = server.callers.repository(request, owner, name, contents="read")
        found = git.find(repository["id"], sha)
        if found is None or found.sha != sha:
            raise RefusedError(404, "Not Found")
        return git_commit_document(*where_of(server, repository), found)

    @router.post(_GIT + "/commits")
    def make_commit(request: Request, owner: str, name: str, body: JsonBody) -> JSONResponse:
        repository = server.callers.repository(request, owner, name, contents="write")
        message, tree = text_of(body, "message"), text_of(body, "tree")
        if git.get(repository["id"], TREE, tree) is None:
            raise RefusedError(422, "Tree SHA does not exist")
        parents = _parents(server, repository, body.get("parents") or [])
        asks = writer(server, request)
        author = _person(body.get("author"), asks)
        committer = _person(body.get("committer"), author)
        sha = git.commit_tree(repository["id"], tree, message, parents, author, committer)
        made = git.find(repository["id"], sha)
        assert made is not None, "it was kept just now"
        return JSONResponse(git_commit_document(*where_of(server, repository), made), 201)


def _parents(server: Server, repository: Document, said: Any) -> tuple[str, ...]:
    if not isinstance(said, list) or len(said) > _PARENTS_MAX:
        raise RefusedError(422, "Invalid request.\n\n'parents' is not a list of commits.")
    for sha in said:
        if server.state.git.get(repository["id"], COMMIT, str(sha)) is None:
            raise RefusedError(422, "Parent SHA does not exist or is not a commit object")
    return tuple(str(sha) for sha in said)


def _person(said: Any, otherwise: Person) -> Person:
    if said is None:
        return otherwise
    if not isinstance(said, dict):
        raise RefusedError(422, "Invalid request.\n\n'author' is not an object.")
    try:
        at = int(datetime.fromisoformat(said["date"]).timestamp()) if "date" in said else None
    except (ValueError, TypeError, OverflowError):
        raise RefusedError(422, "Invalid request.\n\n'date' is not a time.") from None
    name, email = text_of(said, "name", 255), text_of(said, "email", 255)
    return Person(name, email, otherwise.at if at is None else max(0, at))
