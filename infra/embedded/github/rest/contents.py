"""Files of repositories: read, written as commits, with the branches that hold them."""

import base64
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.refusal import RefusedError
from infra.embedded.github.documents import moment
from infra.embedded.github.git import HEADS, Commit, blob_sha
from infra.embedded.github.server import Server


def routes(server: Server) -> APIRouter:
    """Routes of contents, branches, refs and commits."""
    router, git = APIRouter(), server.state.git

    def commit_of(repository: Document, ref: str | None) -> Commit:
        found = git.find(repository["id"], ref or repository["default_branch"])
        if found is None:
            raise RefusedError(404, f"No commit found for the ref {ref}")
        return found

    @router.get("/repos/{owner}/{name}/contents/{path:path}", response_model=None)
    def read(
        request: Request, owner: str, name: str, path: str, ref: str | None = None
    ) -> Document | list[Document]:
        repository = server.callers.repository(request, owner, name, contents="read")
        files, where = commit_of(repository, ref).files, _url(server, owner, name)
        if path in files:
            return _file(where, path, files[path])
        below = sorted(each for each in files if not path or each.startswith(f"{path}/"))
        if not below:
            raise RefusedError(404, "Not Found")
        return [_file(where, each, files[each], whole=False) for each in below]

    @router.put("/repos/{owner}/{name}/contents/{path:path}")
    async def write(request: Request, owner: str, name: str, path: str) -> JSONResponse:
        repository = server.callers.repository(request, owner, name, contents="write")
        body: dict[str, Any] = await request.json()
        branch = body.get("branch") or repository["default_branch"]
        before = git.find(repository["id"], branch)
        files = {} if before is None else dict(before.files)
        old = files.get(path)
        if old is not None and body.get("sha") != blob_sha(old):
            raise RefusedError(409 if body.get("sha") else 422, f"{path} does not match {branch}")
        files[path] = base64.b64decode(body["content"])
        sha = git.commit(
            repository["id"],
            files,
            message=str(body["message"]),
            author=_author(server, request),
            parents=[] if before is None else [before.sha],
        )
        git.point(repository["id"], HEADS + branch, sha)
        where, made = _url(server, owner, name), commit_of(repository, sha)
        answer = {"content": _file(where, path, files[path]), "commit": _commit(where, made)}
        return JSONResponse(answer, 200 if old is not None else 201)

    @router.get("/repos/{owner}/{name}/branches/{branch:path}")
    def branch(request: Request, owner: str, name: str, branch: str) -> Document:
        repository = server.callers.repository(request, owner, name, contents="read")
        sha = git.refs(repository["id"]).get(HEADS + branch)
        if sha is None:
            raise RefusedError(404, "Branch not found")
        commit = _commit(_url(server, owner, name), commit_of(repository, sha))
        return {"name": branch, "commit": {**commit, "commit": commit}, "protected": False}

    @router.get("/repos/{owner}/{name}/git/ref/{ref:path}")
    def get_ref(request: Request, owner: str, name: str, ref: str) -> Document:
        repository = server.callers.repository(request, owner, name, contents="read")
        sha = git.refs(repository["id"]).get(f"refs/{ref}")
        if sha is None:
            raise RefusedError(404, "Not Found")
        return _ref(_url(server, owner, name), f"refs/{ref}", sha)

    @router.post("/repos/{owner}/{name}/git/refs")
    async def make_ref(request: Request, owner: str, name: str) -> JSONResponse:
        repository = server.callers.repository(request, owner, name, contents="write")
        body = await request.json()
        ref, sha = str(body["ref"]), str(body["sha"])
        if ref in git.refs(repository["id"]):
            raise RefusedError(422, "Reference already exists")
        if git.find(repository["id"], sha) is None:
            raise RefusedError(422, "Object does not exist")
        git.point(repository["id"], ref, sha)
        return JSONResponse(_ref(_url(server, owner, name), ref, sha), 201)

    return router


def _author(server: Server, request: Request) -> str:
    caller = server.callers.caller(request)
    assert caller is not None, "who may write has said who it is"
    return caller.login


def _url(server: Server, owner: str, name: str) -> str:
    return f"{server.base_url}/repos/{owner}/{name}"


def _file(where: str, path: str, content: bytes, *, whole: bool = True) -> Document:
    sha, url = blob_sha(content), f"{where}/contents/{path}"
    document: Document = {
        "type": "file",
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": sha,
        "size": len(content),
        "url": url,
        "html_url": url,
        "git_url": f"{where}/git/blobs/{sha}",
        "download_url": url,
        "_links": {"self": url, "git": f"{where}/git/blobs/{sha}", "html": url},
    }
    if whole:
        text = base64.encodebytes(content).decode("ascii")
        document |= {"encoding": "base64", "content": text}
    return document


def _commit(where: str, commit: Commit) -> Document:
    person = {"name": commit.author, "email": "", "date": moment(commit.created_at)}
    url = f"{where}/git/commits/{commit.sha}"
    return {
        "sha": commit.sha,
        "node_id": f"C_{commit.sha[:8]}",
        "url": url,
        "html_url": url,
        "message": commit.message,
        "author": person,
        "committer": person,
        "tree": {"sha": commit.sha, "url": f"{where}/git/trees/{commit.sha}"},
        "parents": [{"sha": one, "url": f"{where}/git/commits/{one}"} for one in commit.parents],
    }


def _ref(where: str, ref: str, sha: str) -> Document:
    target = {"type": "commit", "sha": sha, "url": f"{where}/git/commits/{sha}"}
    return {"ref": ref, "node_id": f"REF_{ref}", "url": f"{where}/git/{ref}", "object": target}
