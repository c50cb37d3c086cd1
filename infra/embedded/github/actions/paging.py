"""Pages of lists, and which runs a list shows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import JSONResponse

from infra.embedded.github.actions.documents import Document

_CONCLUSIONS = {
    *("success", "failure", "cancelled", "timed_out", "skipped", "neutral", "stale"),
    *("action_required", "startup_failure"),
}

_PAGES_MAX, _SIZE_MAX = 100_000, 100


def _between(most: int) -> AfterValidator:
    """GitHub refuses no number of a page: it takes the nearest that it has."""
    return AfterValidator(lambda said: min(max(said, 1), most))


PageNumber = Annotated[int, Query(), _between(_PAGES_MAX)]
PageSize = Annotated[int, Query(), _between(_SIZE_MAX)]


class RunFilter(BaseModel):
    """The filters of a list of runs."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    actor: str | None = None
    branch: str | None = None
    event: str | None = None
    status: str | None = None
    created: str | None = None
    head_sha: str | None = None

    def fits(self, run: Document) -> bool:
        """Whether the list shows this run."""
        equal = (
            (self.actor, run["actor"].get("login")),
            (self.branch, run["branch"]),
            (self.event, run["event"]),
            (self.head_sha, run["sha"]),
        )
        if any(wanted is not None and wanted != actual for wanted, actual in equal):
            return False
        if self.status is not None:
            of = "conclusion" if self.status in _CONCLUSIONS else "status"
            if run[of] != self.status:
                return False
        return self.created is None or _within(self.created, run["created_at"])


def page(
    request: Request, name: str, items: Sequence[Document], number: int, size: int
) -> JSONResponse:
    """One page: `{total_count, <name>: […]}`, with `Link` to its neighbours."""
    begin = (number - 1) * size
    body = {"total_count": len(items), name: list(items[begin : begin + size])}
    return JSONResponse(body, headers=links(request, number, -(-len(items) // size)))


def links(request: Request, number: int, last: int) -> dict[str, str]:
    """The `Link` of a page: its neighbours, the first and the last, as far as there are any."""
    wanted = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
    there = {
        relation: target
        for relation, target in wanted.items()
        if 1 <= target <= last and target != number
    }
    found = [
        f'<{request.url.include_query_params(page=target)}>; rel="{relation}"'
        for relation, target in there.items()
    ]
    return {"link": ", ".join(found)} if found else {}


def _within(wanted: str, created: str) -> bool:
    """GitHub's date ranges: `>=T`, `>T`, `<=T`, `<T`, `T..T`, a day."""
    if ".." in wanted:
        low, high = wanted.split("..", 1)
        return (low == "*" or _moment(low) <= _moment(created)) and (
            high == "*" or _moment(created) <= _moment(high, end=True)
        )
    for sign in (">=", "<=", ">", "<"):
        if wanted.startswith(sign):
            limit, moment = _moment(wanted.removeprefix(sign)), _moment(created)
            return {
                ">=": moment >= limit,
                "<=": moment <= limit,
                ">": moment > limit,
                "<": moment < limit,
            }[sign]
    return created.startswith(wanted)


def _moment(text: str, *, end: bool = False) -> float:
    whole = text if "T" in text else f"{text}T{'23:59:59' if end else '00:00:00'}Z"
    try:
        return datetime.fromisoformat(whole).timestamp()
    except ValueError:
        return 0.0
