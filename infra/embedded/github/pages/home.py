"""The first page: repositories, runs, webhooks, and who has installed the App."""

import json

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.place import Place
from infra.embedded.github.actions.refusal import RefusedError
from infra.embedded.github.actions.runs import RUN
from infra.embedded.github.actions.webhooks import KIND
from infra.embedded.github.pages.markup import (
    Html,
    link,
    note,
    page,
    preformatted,
    section,
    table,
    when,
)
from infra.embedded.github.server import Server

_SHOWN_MAX = 30


def routes(server: Server, place: Place) -> APIRouter:
    """The first page, and what a webhook held."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def home() -> HTMLResponse:
        return page(
            "Local GitHub",
            note(f"Its API is at {server.base_url}. Anybody on this machine may do anything here."),
            section("Repositories", _repositories(server)),
            section("Newest Actions runs", _runs(server, place)),
            section("Newest webhooks", _deliveries(place)),
            section("The App", _installations(server)),
            section("Faults on order", _faults(place)),
        )

    @router.get("/deliveries/{delivery_id}")
    def delivery(delivery_id: int) -> HTMLResponse:
        found = place.documents.get(KIND, delivery_id)
        if found is None:
            raise RefusedError(404, "Not Found")
        return page(f"Webhook {found['guid']}", _delivered([found]), preformatted_json(found))

    return router


def run_rows(server: Server, runs: list[Document]) -> list[list[object]]:
    """A row for each Actions run."""
    rows: list[list[object]] = []
    for run in runs:
        repository = server.state.repository_by_id(run["repository_id"])
        if repository is None:
            continue
        name = f"{repository['owner']}/{repository['name']}"
        where = f"/{name}/actions/runs/{run['id']}"
        state = run["conclusion"] or run["status"]
        rows.append([link(where, run["title"]), name, run["event"], state, run["created_at"]])
    return rows


def preformatted_json(delivery: Document) -> Html:
    """What a webhook told."""
    return preformatted(json.dumps(delivery["payload"], indent=2, ensure_ascii=False))


def _repositories(server: Server) -> Html:
    rows = []
    for one in server.state.repositories():
        kind = "private" if one["private"] else "public"
        about = f"{kind}, template" if one["is_template"] else kind
        name = f"{one['owner']}/{one['name']}"
        rows.append([link(f"/{name}", name), about, when(one["created_at"])])
    return table(("repository", "kind", "made"), reversed(rows))


def _runs(server: Server, place: Place) -> Html:
    newest = list(reversed(place.documents.all(RUN)))[:_SHOWN_MAX]
    names = ("run", "repository", "event", "state", "created")
    return table(names, run_rows(server, newest))


def _deliveries(place: Place) -> Html:
    return _delivered(list(reversed(place.documents.all(KIND)))[:_SHOWN_MAX])


def _delivered(deliveries: list[Document]) -> Html:
    rows = [
        [
            link(f"/deliveries/{one['id']}", one["guid"]),
            f"{one['event']} {one['action']}",
            f"{one['status_code']} {one['status']}",
            one["delivered_at"],
        ]
        for one in deliveries
    ]
    return table(("webhook", "event", "answer", "sent"), rows)


def _installations(server: Server) -> Html:
    slug = server.state.app.slug
    rows = [
        [
            one["account"],
            ", ".join(f"{name}: {level}" for name, level in one["permissions"].items()),
            "all" if one["repositories"] is None else ", ".join(one["repositories"]),
            "suspended" if one["suspended"] else "active",
        ]
        for one in server.state.installations()
    ]
    more = link(f"/apps/{slug}/installations/new", f"Install {slug}")
    return Html(table(("account", "permissions", "repositories", "state"), rows) + more)


def _faults(place: Place) -> Html:
    rows = [
        [one["kind"], one["repository"] or "any repository", one["times"], one["seconds"]]
        for one in place.faults.ordered()
    ]
    return table(("fault", "where", "times left", "seconds"), rows)
