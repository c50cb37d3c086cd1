"""The API process: opens the platform, hands its adapters to the routes, closes them in order.

Run it with `uvicorn api.main:app`; settings come from `SPELL_…` variables.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api import problems
from api.connections import ConnectedApi
from api.middleware import LastResort, RequestIds
from api.open_files import allow_open_files
from api.routes import ROUTERS
from api.stopping import told_to_stop
from api.wiring import build_services
from infra.event_backstop import event_backstop
from infra.event_feed import open_event_feed
from infra.health import PlatformHealth
from infra.platform import open_platform
from infra.redis import open_redis
from infra.repositories.event_heads import PostgresEventHeads
from infra.settings import PlatformSettings
from infra.supply_chain.bill_reader import KillableBillReader
from infra.telemetry import configure_logging


@asynccontextmanager
async def _lifespan(application: FastAPI) -> AsyncIterator[None]:
    settings = PlatformSettings()
    configure_logging("api", settings.log_level)
    allow_open_files()
    async with (
        open_platform(settings, process="spell-api") as platform,
        open_redis(settings.redis_url.get_secret_value()) as redis,
        KillableBillReader() as bill_reader,
        open_event_feed(platform.nats) as feed,
        event_backstop(feed, PostgresEventHeads(platform.database)),
    ):
        application.state.services = build_services(
            platform, PlatformHealth(platform, redis), bill_reader, feed
        )
        with told_to_stop(feed.close):
            yield


def create_app() -> FastAPI:
    """The application, without its connections: those open when it starts."""
    application = ConnectedApi(
        title="Spell Platform",
        version="1",
        description="Cast signed WebAssembly programs and pay per run.",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        responses={"default": problems.OPENAPI_RESPONSE},
    )
    application.add_middleware(LastResort)
    application.add_middleware(RequestIds)
    problems.install(application)
    for router in ROUTERS:
        application.include_router(router)
    return application


app = create_app()
