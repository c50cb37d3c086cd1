"""The local GitHub as one application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from infra.embedded.github.actions.mount import mount
from infra.embedded.github.actions.place import Place
from infra.embedded.github.callers import Callers
from infra.embedded.github.hosting import GitHubHost
from infra.embedded.github.rest import (
    apps,
    authorizations,
    contents,
    local,
    people,
    pulls,
    repositories,
    sign_in,
)
from infra.embedded.github.server import Server
from infra.embedded.github.state import App, State

_RESOURCES = (apps, authorizations, contents, pulls, people, sign_in, local, repositories)


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

    made = FastAPI(lifespan=living)

    @made.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    for resource in _RESOURCES:
        made.include_router(resource.routes(server))
    # Last, so that its faults are outermost.
    mount(made, place)
    return made
