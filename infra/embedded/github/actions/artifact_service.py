"""GitHub's artifact service, as `@actions/artifact` speaks with it.

Twirp with JSON: one POST for each method. The bytes go to signed addresses (`blob_routes`).
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from fastapi.responses import JSONResponse

from infra.embedded.github.actions.artifacts import ARTIFACTS_MAX, Artifacts
from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.orders import Orders
from infra.embedded.github.actions.runs import Runs

_SERVICE = "/twirp/github.actions.results.api.v1.ArtifactService"
_NAME_MAX = 256
# GitHub's own list; CR and LF would also reach headers.
_NEVER = set('":<>|*?\\/\r\n') | {chr(code) for code in range(32)}
_STATUS = {
    "unauthenticated": 401,
    "not_found": 404,
    "already_exists": 409,
    "invalid_argument": 400,
    "bad_route": 404,
    "resource_exhausted": 429,
}


class _TwirpError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ArtifactService:
    """The methods; each takes the request's words and gives the answer's."""

    def __init__(self, orders: Orders, runs: Runs, artifacts: Artifacts) -> None:
        self._orders = orders
        self._runs = runs
        self._artifacts = artifacts

    def call(self, method: str, authorization: str, said: Mapping[str, Any]) -> Document:
        """Answer one call. Raises _TwirpError."""
        run = self._run(authorization, said)
        methods = {
            "CreateArtifact": self._create,
            "FinalizeArtifact": self._finalize,
            "ListArtifacts": self._list,
            "GetSignedArtifactURL": self._address,
            "DeleteArtifact": self._delete,
        }
        if method not in methods:
            raise _TwirpError("bad_route", f"no handler for {method}")
        return methods[method](run, said)

    def _run(self, authorization: str, said: Mapping[str, Any]) -> Document:
        ids = self._orders.run_of(authorization.removeprefix("Bearer "))
        run = self._runs.get(ids[0]) if ids else None
        if ids is None or run is None:
            raise _TwirpError("unauthenticated", "the token is not one of a run")
        if str(said.get("workflow_run_backend_id")) != str(ids[0]):
            raise _TwirpError("unauthenticated", "the token is one of another run")
        return run

    def _create(self, run: Document, said: Mapping[str, Any]) -> Document:
        name = _name(said)
        if self._named(run, name) is not None:
            raise _TwirpError("already_exists", "an artifact with this name already exists")
        if self._artifacts.count(run) >= ARTIFACTS_MAX:
            raise _TwirpError("resource_exhausted", "the run has as many artifacts as it may")
        artifact_id = self._artifacts.create(run, name, said.get("expires_at"))
        return {"ok": True, "signed_upload_url": self._artifacts.address(artifact_id, "put")}

    def _finalize(self, run: Document, said: Mapping[str, Any]) -> Document:
        draft = self._artifacts.draft(run, _name(said))
        if draft is None:
            raise _TwirpError("not_found", "no artifact of this name is being uploaded")
        digest = said.get("hash")
        problem = self._artifacts.finalize(
            draft["id"], _number(said.get("size")), str(digest) if digest else None
        )
        if problem is not None:
            raise _TwirpError("invalid_argument", problem)
        return {"ok": True, "artifact_id": str(draft["id"])}

    def _list(self, run: Document, said: Mapping[str, Any]) -> Document:
        found = self._artifacts.all(run["repository_id"], run["id"])
        name, wanted = said.get("name_filter"), said.get("id_filter")
        return {
            "artifacts": [
                _listed(artifact)
                for artifact in found
                if (name is None or artifact["name"] == name)
                and (wanted is None or str(artifact["id"]) == str(wanted))
            ]
        }

    def _address(self, run: Document, said: Mapping[str, Any]) -> Document:
        artifact = self._must(run, said)
        return {"signed_url": self._artifacts.address(artifact["id"], "get")}

    def _delete(self, run: Document, said: Mapping[str, Any]) -> Document:
        artifact = self._must(run, said)
        self._artifacts.delete(artifact["id"])
        return {"ok": True, "artifact_id": str(artifact["id"])}

    def _must(self, run: Document, said: Mapping[str, Any]) -> Document:
        artifact = self._named(run, _name(said))
        if artifact is None:
            raise _TwirpError("not_found", "there is no artifact of this name")
        return artifact

    def _named(self, run: Document, name: str) -> Document | None:
        found = self._artifacts.all(run["repository_id"], run["id"])
        same = [one for one in found if one["name"] == name and one["attempt"] == run["attempt"]]
        return same[0] if same else None


def routes(service: ArtifactService) -> APIRouter:
    """The address of the service."""
    router = APIRouter(include_in_schema=False)

    @router.post(_SERVICE + "/{method}")
    def twirp(method: str, request: Request, said: Annotated[dict[str, Any], Body()]) -> Response:
        words = {_snake(name): value for name, value in said.items()}
        try:
            authorization = request.headers.get("authorization", "")
            return JSONResponse(service.call(method, authorization, words))
        except _TwirpError as error:
            body = {"code": error.code, "msg": str(error)}
            return JSONResponse(body, status_code=_STATUS[error.code])

    return router


def _name(said: Mapping[str, Any]) -> str:
    name = said.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= _NAME_MAX or set(name) & _NEVER:
        raise _TwirpError("invalid_argument", "the artifact name is not valid")
    return name


def _number(said: Any) -> int:
    try:
        return int(said)
    except (TypeError, ValueError):
        raise _TwirpError("invalid_argument", "the size is not a number") from None


def _listed(artifact: Document) -> Document:
    return {
        "workflow_run_backend_id": str(artifact["parent_id"]),
        "workflow_job_run_backend_id": str(artifact["attempt"]),
        "database_id": str(artifact["id"]),
        "name": artifact["name"],
        "size": str(artifact["size"]),
        "created_at": artifact["created_at"],
        "digest": artifact["digest"],
    }


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
