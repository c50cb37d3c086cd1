"""Files of repositories: read, and written as commits."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.refusal import RefusedError
from infra.embedded.github.git import HEADS
from infra.embedded.github.git_answers import (
    content_document,
    git_commit_document,
    with_content,
)
from infra.embedded.github.git_objects import BLOB, FILE_MODE, TREE, Commit, Entry, is_path
from infra.embedded.github.rest.asked import JsonBody, base64_of, text_of, where_of, writer
from infra.embedded.github.server import Server

_CONTENTS = "/repos/{owner}/{name}/contents/{path:path}"
_MALFORMED = "path contains a malformed path component"
# GitHub's contents API gives no bytes of files beyond 100 MB, and none inline beyond 1 MB.
_INLINE_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True)
class _Branch:
    """A branch that is about to get a commit; a repository's first has no commit yet."""

    repository: Document
    name: str
    head: Commit | None


def routes(server: Server) -> APIRouter:
    """Routes of contents."""
    router, git = APIRouter(), server.state.git

    @router.get(_CONTENTS, response_model=None)
    def read(
        request: Request, owner: str, name: str, path: str, ref: str | None = None
    ) -> Document | list[Document]:
        repository = server.callers.repository(request, owner, name, contents="read")
        commit = git.find(repository["id"], ref or repository["default_branch"])
        if commit is None:
            raise RefusedError(404, f"No commit found for the ref {ref}" if ref else "Not Found")
        return _read(server, repository, commit, path.strip("/"))

    @router.put(_CONTENTS)
    def write(request: Request, owner: str, name: str, path: str, body: JsonBody) -> JSONResponse:
        repository = server.callers.repository(request, owner, name, contents="write")
        content, message = base64_of(body, "content"), text_of(body, "message")
        branch = _branch(server, repository, body)
        entries = _entries(server, branch)
        old = _fitting(entries, path, body.get("sha"), branch.name)
        entries[path] = Entry(
            old.mode if old else FILE_MODE, BLOB, git.add(repository["id"], BLOB, content)
        )
        commit = _committed(server, request, branch, entries, message)
        shown = with_content(_shown(server, repository, path, entries[path]), content)
        shown.pop("content"), shown.pop("encoding")
        where, page = where_of(server, repository)
        answer = {"content": shown, "commit": git_commit_document(where, page, commit)}
        return JSONResponse(answer, 200 if old else 201)

    @router.delete(_CONTENTS)
    def delete(request: Request, owner: str, name: str, path: str, body: JsonBody) -> Document:
        repository = server.callers.repository(request, owner, name, contents="write")
        # PyGithub sends these in the body; as parameters they are allowed too.
        said = {**dict(request.query_params), **body}
        message, sha = text_of(said, "message"), text_of(said, "sha")
        branch = _branch(server, repository, said)
        entries = _entries(server, branch)
        if path not in entries:
            raise RefusedError(404, "Not Found")
        _fitting(entries, path, sha, branch.name)
        del entries[path]
        commit = _committed(server, request, branch, entries, message)
        where, page = where_of(server, repository)
        return {"content": None, "commit": git_commit_document(where, page, commit)}

    return router


def _read(
    server: Server, repository: Document, commit: Commit, path: str
) -> Document | list[Document]:
    git, level = server.state.git, {}
    every = git.entries(repository["id"], commit.tree, trees=True)
    if path in every and every[path].kind != TREE:
        content = git.get(repository["id"], BLOB, every[path].sha) or b""
        shown = _shown(server, repository, path, every[path])
        if len(content) > _INLINE_BYTES_MAX:
            return {**shown, "encoding": "none", "content": ""}
        return with_content(shown, content)
    if path and path not in every:
        raise RefusedError(404, "Not Found")
    level = git.level(repository["id"], every[path].sha if path else commit.tree)
    ahead = f"{path}/" if path else ""
    return [_shown(server, repository, ahead + name, entry) for name, entry in level.items()]


def _shown(server: Server, repository: Document, path: str, entry: Entry) -> Document:
    content = server.state.git.get(repository["id"], BLOB, entry.sha) or b""
    where, page = where_of(server, repository)
    return content_document(where, page, path, entry, len(content))


def _branch(server: Server, repository: Document, body: dict[str, Any]) -> _Branch:
    """The branch that a body names. Raises RefusedError: 404, 422."""
    name = str(body.get("branch") or repository["default_branch"])
    git = server.state.git
    refs = git.refs(repository["id"])
    if HEADS + name not in refs and (refs or name != repository["default_branch"]):
        raise RefusedError(404, f"Branch {name} not found")
    return _Branch(repository, name, git.find(repository["id"], HEADS + name))


def _entries(server: Server, branch: _Branch) -> dict[str, Entry]:
    if branch.head is None:
        return {}
    return server.state.git.entries(branch.repository["id"], branch.head.tree)


def _fitting(entries: dict[str, Entry], path: str, sha: Any, branch: str) -> Entry | None:
    """The file that is replaced. Raises RefusedError: 409 and 422, it is another than is said."""
    if not is_path(path):
        raise RefusedError(422, _MALFORMED)
    above = {path.rsplit("/", count)[0] for count in range(1, path.count("/") + 1)}
    if above & entries.keys() or any(each.startswith(f"{path}/") for each in entries):
        raise RefusedError(422, f"{path} is a folder, or below a file, on {branch}")
    old = entries.get(path)
    if old is not None and not sha:
        raise RefusedError(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if sha and (old is None or old.sha != sha):
        raise RefusedError(409, f"{path} does not match {sha!s:.80}")
    return old


def _committed(
    server: Server, request: Request, branch: _Branch, entries: dict[str, Entry], message: str
) -> Commit:
    """A new commit at the end of the branch. Raises RefusedError: 409, somebody was faster."""
    git, repository_id = server.state.git, branch.repository["id"]
    before = None if branch.head is None else branch.head.sha
    person = writer(server, request)
    tree = git.write_tree(repository_id, entries)
    parents = () if before is None else (before,)
    sha = git.commit_tree(repository_id, tree, message, parents, person, person)
    if not git.move(repository_id, HEADS + branch.name, before, sha):
        now = git.refs(repository_id).get(HEADS + branch.name)
        raise RefusedError(409, f"{branch.name} is at {now} but expected {before}")
    made = git.find(repository_id, sha)
    assert made is not None, "it was kept just now"
    return made
