"""Adds the Actions half to the local GitHub's app."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from infra.embedded.github.actions import (
    artifact_routes,
    artifact_service,
    blob_routes,
    local_routes,
    run_routes,
    workflow_routes,
)
from infra.embedded.github.actions.fault_middleware import FaultMiddleware
from infra.embedded.github.actions.place import Place
from infra.embedded.github.actions.refusal import (
    RefusedError,
    answer,
    no_such_route,
    not_fitting,
)


def mount(app: FastAPI, place: Place) -> None:
    """Add routes, faults and the form of refusals.

    The caller calls `place.engine.recover()` once its server starts, `place.close()` when it ends.
    """
    service = artifact_service.ArtifactService(place.orders, place.runs, place.artifacts)
    for router in (
        workflow_routes.routes(place),
        run_routes.routes(place),
        artifact_routes.routes(place),
        local_routes.routes(place),
        artifact_service.routes(service),
        blob_routes.routes(place.artifacts),
    ):
        app.include_router(router)
    app.add_exception_handler(RefusedError, answer)
    app.add_exception_handler(HTTPException, no_such_route)
    app.add_exception_handler(RequestValidationError, not_fitting)
    app.add_middleware(FaultMiddleware, faults=place.faults)
