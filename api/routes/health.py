"""Is the process alive, can it serve, and what do its errors mean?"""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse

from api.deps import ServicesDep
from api.error_pages import errors_page

router = APIRouter(tags=["health"])


@router.get("/live")
async def live() -> dict[str, str]:
    """The process answers. Restart it when it does not."""
    return {"status": "ok"}


@router.get("/ready")
async def ready(services: ServicesDep) -> JSONResponse:
    """Whether every part that the API needs answers: 503 names those that do not."""
    parts = await services.health.check()
    well = all(state == "ok" for state in parts.values())
    document = {"status": "ok" if well else "unavailable", "parts": parts}
    return JSONResponse(document, 200 if well else 503)


@router.get("/health")
async def health(services: ServicesDep) -> JSONResponse:
    """The same as `/ready`, for people."""
    return await ready(services)


@router.get("/docs/errors", response_class=HTMLResponse, include_in_schema=False)
async def errors() -> str:
    """What every error code means and what to do; problem documents link here."""
    return errors_page()
