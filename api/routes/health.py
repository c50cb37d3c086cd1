"""Is the process alive, and can it serve?"""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from api.deps import ServicesDep

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
