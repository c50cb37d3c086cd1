"""The local GitHub as one application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from infra.embedded.github.actions.mount import mount
from infra.embedded.github.actions.place import Place
from infra.embedded.github.callers import Callers
from infra.embedded.github.front import FrontMiddleware
from infra.embedded.github.hosting import GitHubHost
from infra.embedded.github.own_parts import OwnPartsMiddleware
from infra.embedded.github.pages import home, installing
from infra.embedded.github.pages import repositories as repository_pages
from infra.embedded.github.rest import (
    apps,
    authorizations,
    branches,
    collaborators,
    contents,
    git_data,
    local,
    people,
    pulls,
    rate_limit,
    repositories,
    sign_in,
)
from infra.embedded.github.server import Server
from infra.embedded.github.state import App, State

_RESOURCES = (
    *(apps, authorizations, branches, collaborators, contents, git_data, local, people, pulls),
    *(rate_limit, repositories, sign_in),
)


def make_app(folder: Path, app: App, base_url: str) -> FastAPI:
    """The application over a folder, which is made when it is not there.

    Args:
        folder: people, repositories, runs.
        app: the App that may be installed.
        base_url: where clients reach it.
    """
    state = State(folder, app)
    server = Server(state, Callers(state), base_url)
    place = Place.open(GitHubHost(server), folder / "actions")

    @asynccontextmanager
    async def living(_: FastAPI) -> AsyncIterator[None]:
        place.engine.recover()
        try:
            yield
        finally:
            place.close()
            state.close()

    made = FastAPI(lifespan=living, openapi_url=None)

    @made.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    for resource in _RESOURCES:
        made.include_router(resource.routes(server))
    made.add_middleware(FrontMiddleware, callers=server.callers, limits=server.limits)
    # Later, so that its faults are further out.
    mount(made, place)
    made.add_middleware(OwnPartsMiddleware)
    for router in (
        home.routes(server, place),
        installing.routes(server),
        repository_pages.routes(server, place),
    ):
        made.include_router(router)
    return made
