"""What users granted the App, taken back by the App: with its client id and secret."""

import base64
import binascii
import secrets

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.refusal import RefusedError
from infra.embedded.github.server import Server


class _Token(BaseModel):
    access_token: str


def routes(server: Server) -> APIRouter:
    """Routes below `/applications`."""
    router, state = APIRouter(prefix="/applications/{client_id}"), server.state

    def granted(request: Request, client_id: str, body: _Token) -> Document:
        """The user's token that is named. Raises RefusedError: 401, 404, 422."""
        app = state.app
        known = f"{app.client_id}:{app.client_secret}"
        if not secrets.compare_digest(_basic(request).encode(), known.encode()):
            raise RefusedError(401, "Bad credentials")
        found = state.token(body.access_token)
        if client_id != app.client_id:
            raise RefusedError(404, "Not Found")
        if found is None or found["kind"] != "user":
            raise RefusedError(422, "Validation Failed")
        return found

    @router.delete("/token")
    def drop_token(request: Request, client_id: str, body: _Token) -> Response:
        found = granted(request, client_id, body)
        if found.get("pair") is None:
            state.drop_token(body.access_token)
        else:
            state.drop_tokens(found["login"], found["pair"])
        return Response(status_code=204)

    @router.delete("/grant")
    def drop_grant(request: Request, client_id: str, body: _Token) -> Response:
        state.drop_tokens(granted(request, client_id, body)["login"])
        return Response(status_code=204)

    return router


def _basic(request: Request) -> str:
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    try:
        return base64.b64decode(credential).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        return ""
