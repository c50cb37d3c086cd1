"""How much a caller has left."""

from fastapi import APIRouter
from starlette.requests import Request

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.front import name_of
from infra.embedded.github.server import Server


def routes(server: Server) -> APIRouter:
    """The route of the rate limit, which costs nothing."""
    router = APIRouter()

    @router.get("/rate_limit")
    def rate_limit(request: Request) -> Document:
        allowance = server.limits.look(name_of(server.callers, request))
        core = {
            "limit": allowance.limit,
            "remaining": allowance.remaining,
            "used": allowance.used,
            "reset": allowance.reset,
        }
        return {"resources": {"core": core, "search": core}, "rate": core}

    return router
