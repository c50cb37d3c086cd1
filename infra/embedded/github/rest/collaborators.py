"""What a person may do in a repository."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.refusal import RefusedError
from infra.embedded.github.documents import user_document
from infra.embedded.github.server import Server

_COLLABORATOR = "/repos/{owner}/{name}/collaborators/{login}"


def routes(server: Server) -> APIRouter:
    """Routes of collaborators, for those who may push there themselves."""
    router, state = APIRouter(), server.state

    def permission_of(request: Request, owner: str, name: str, login: str) -> tuple[str, Document]:
        repository = server.callers.repository(request, owner, name, metadata="read")
        caller, person = server.callers.caller(request), state.owner(login)
        if caller is None:
            raise RefusedError(401, "Requires authentication")
        if caller.is_user and not server.callers.may_push(caller.login, repository):
            raise RefusedError(403, "Must have push access to view collaborator permission.")
        if person is None:
            raise RefusedError(404, f"{login} is not a user")
        if repository["owner"].lower() == login.lower():
            return "admin", person
        if server.callers.may_push(login, repository):
            return "write", person
        return "none" if repository["private"] else "read", person

    @router.get(_COLLABORATOR + "/permission")
    def permission(request: Request, owner: str, name: str, login: str) -> Document:
        level, person = permission_of(request, owner, name, login)
        held = {"none": 0, "read": 1, "write": 3, "admin": 5}[level]
        rights = ("pull", "triage", "push", "maintain", "admin")
        user = {
            **user_document(server.base_url, person),
            "permissions": {right: place < held for place, right in enumerate(rights)},
            "role_name": level,
        }
        return {"permission": level, "role_name": level, "user": user}

    @router.get(_COLLABORATOR)
    def is_one(request: Request, owner: str, name: str, login: str) -> Response:
        level, _ = permission_of(request, owner, name, login)
        if level not in {"write", "admin"}:
            raise RefusedError(404, "Not Found")
        return Response(status_code=204)

    return router
