"""Users: who a token's user is, whom anybody sees, and where the App is for them."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.refusal import RefusedError
from infra.embedded.github.callers import NOT_ACCESSIBLE, Caller
from infra.embedded.github.documents import installation_document, person_document
from infra.embedded.github.rest.asked import WantedPage
from infra.embedded.github.rest.repositories import shown
from infra.embedded.github.server import Server


def routes(server: Server) -> APIRouter:
    """Routes below `/user` and `/users`."""
    router, state, base = APIRouter(), server.state, server.base_url

    def user(request: Request) -> Caller:
        caller = server.callers.caller(request)
        if caller is None:
            raise RefusedError(401, "Requires authentication")
        if not caller.is_user:
            raise RefusedError(403, NOT_ACCESSIBLE)
        return caller

    def reached(caller: Caller) -> list[Document]:
        """Installations with the user, and with organisations that they are in."""
        found = []
        for one in state.installations():
            owner = state.owner(one["account"])
            if owner is not None and caller.login in {owner["login"], *owner["members"]}:
                found.append(one)
        return found

    @router.get("/user")
    def me(request: Request) -> Document:
        owner = state.owner(user(request).login)
        assert owner is not None
        return person_document(base, owner)

    @router.get("/users/{login}")
    def somebody(login: str) -> Document:
        owner = state.owner(login)
        if owner is None:
            raise RefusedError(404, "Not Found")
        return person_document(base, owner)

    @router.get("/user/installations")
    def installations(request: Request, page: WantedPage) -> JSONResponse:
        items = []
        for one in reached(user(request)):
            owner = state.owner(one["account"])
            assert owner is not None
            items.append(installation_document(base, state.app, owner, one))
        return page.counted("installations", items)

    @router.get("/user/installations/{installation_id}/repositories")
    def repositories(request: Request, installation_id: int, page: WantedPage) -> JSONResponse:
        caller = user(request)
        found = [one for one in reached(caller) if one["id"] == installation_id]
        if not found:
            raise RefusedError(404, "Not Found")
        names = found[0]["repositories"]
        items = [
            shown(server, one, caller)
            for one in state.repositories(found[0]["account"])
            if names is None or one["name"] in names
        ]
        return page.counted("repositories", items)

    return router
