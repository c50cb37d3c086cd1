"""Routes that GitHub has not (faults, secrets without sealing), and an App's delivery log."""

from typing import Annotated

from fastapi import APIRouter, Body, Request, Response
from fastapi.responses import JSONResponse

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.faults import Fault
from infra.embedded.github.actions.orders import SECRET
from infra.embedded.github.actions.paging import PageSize
from infra.embedded.github.actions.place import Place
from infra.embedded.github.actions.refusal import RefusedError
from infra.embedded.github.actions.webhooks import KIND

_DELIVERIES = "/app/hook/deliveries"


def routes(place: Place) -> APIRouter:
    """The addresses of faults, secrets and deliveries."""
    router = APIRouter()
    _faults(router, place)
    _deliveries(router, place)

    @router.put("/_local/repositories/{repository_id}/secrets/{name}", include_in_schema=False)
    def put_secret(
        repository_id: int, name: str, value: Annotated[str, Body(embed=True, max_length=48_000)]
    ) -> Response:
        place.documents.add(SECRET, {"name": name, "value": value}, repository_id)
        return Response(status_code=201)

    return router


def _faults(router: APIRouter, place: Place) -> None:
    @router.post("/_local/faults", include_in_schema=False)
    def order(fault: Fault) -> Response:
        return JSONResponse(place.faults.order(fault), status_code=201)

    @router.get("/_local/faults", include_in_schema=False)
    def ordered() -> Response:
        return JSONResponse(place.faults.ordered())

    @router.delete("/_local/faults", include_in_schema=False)
    def clear() -> Response:
        place.faults.clear()
        return Response(status_code=204)


def _deliveries(router: APIRouter, place: Place) -> None:
    @router.get(_DELIVERIES)
    def list_deliveries(request: Request, per_page: PageSize = 30, cursor: str = "") -> Response:
        found = place.documents.all(KIND, parent_id=place.host.app(request))
        before = int(cursor) if cursor.isdigit() else None
        newest = [one for one in reversed(found) if before is None or one["id"] < before]
        shown = newest[:per_page]
        headers = {}
        if len(newest) > per_page:
            more = request.url.include_query_params(cursor=shown[-1]["id"])
            headers["link"] = f'<{more}>; rel="next"'
        items = [place.views.delivery(delivery, whole=False) for delivery in shown]
        return JSONResponse(items, headers=headers)

    @router.get(_DELIVERIES + "/{delivery_id}")
    def get_delivery(request: Request, delivery_id: int) -> Response:
        delivery = _delivery(place, place.host.app(request), delivery_id)
        return JSONResponse(place.views.delivery(delivery, whole=True))

    @router.post(_DELIVERIES + "/{delivery_id}/attempts")
    def redeliver(request: Request, delivery_id: int) -> Response:
        place.webhooks.redeliver(_delivery(place, place.host.app(request), delivery_id))
        return JSONResponse({}, status_code=202)


def _delivery(place: Place, app_id: int, delivery_id: int) -> Document:
    delivery = place.documents.get(KIND, delivery_id)
    if delivery is None or delivery["parent_id"] != app_id:
        raise RefusedError(404, "Not Found")
    return delivery
