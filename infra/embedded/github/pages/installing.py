"""The page where somebody installs the App, as at GitHub's `/apps/<slug>/installations/new`."""

from urllib.parse import parse_qs

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from infra.embedded.github.actions.refusal import RefusedError
from infra.embedded.github.pages.markup import Html, form, note, page, text
from infra.embedded.github.server import Server
from infra.embedded.github.state import APP_PERMISSIONS

_PATH = "/apps/{slug}/installations/new"
_FORM_BYTES_MAX = 10_000


def routes(server: Server) -> APIRouter:
    """The page and its form."""
    router, state = APIRouter(include_in_schema=False), server.state

    @router.get(_PATH)
    def choose(slug: str) -> HTMLResponse:
        _known(server, slug)
        owners = sorted(one["login"] for one in state.owners())
        options = "".join(f"<option>{text(owner)}</option>" for owner in owners)
        select = Html(f'<label>Account <select name="account">{options}</select></label>')
        granted = ", ".join(f"{name}: {level}" for name, level in APP_PERMISSIONS.items())
        return page(
            f"Install {slug}",
            note(f"On all repositories of an account, with {granted}."),
            form(f"/apps/{slug}/installations/new", "Install", select),
        )

    @router.post(_PATH)
    async def install(request: Request, slug: str) -> HTMLResponse:
        _known(server, slug)
        sent = (await request.body())[:_FORM_BYTES_MAX].decode("utf-8", "replace")
        (account, *_) = [*parse_qs(sent).get("account", []), ""]
        if state.owner(account) is None:
            raise RefusedError(404, "Not Found")
        state.install(account, APP_PERMISSIONS, None)
        return page(f"Installed {slug}", note(f"On all repositories of {account}."))

    return router


def _known(server: Server, slug: str) -> None:
    if slug != server.state.app.slug:
        raise RefusedError(404, "Not Found")
