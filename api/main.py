"""The API process: builds the adapters, hands them to the routes, closes them in order.

Run it with `uvicorn api.main:app`; settings come from `SPELL_…` variables.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api import problems
from api.deps import Services
from api.middleware import LastResort, RequestIds
from api.ports import (
    Accounts,
    CastFiles,
    Casting,
    CastReads,
    EventFeed,
    Health,
    PayloadDecoder,
    PublishedModules,
    Publishing,
    Replaying,
    SignedReceipts,
    Spells,
)
from api.routes import account, cast_events, casts, codec, health, receipts, spells
from infra.cast_files import EncryptedCastFiles
from infra.codec_decoder import ConverterDecoder
from infra.event_feed import NatsEventFeed
from infra.health import PlatformHealth
from infra.platform import Platform, open_platform
from infra.published_modules import BlobPublishedModules
from infra.redis import open_redis
from infra.repositories.accounts import PostgresAccounts
from infra.repositories.cast_reads import PostgresCastReads
from infra.repositories.receipts import PostgresReceipts
from infra.repositories.spells import PostgresSpells
from infra.settings import PlatformSettings
from infra.signed_receipts import VaultSignedReceipts
from infra.telemetry import configure_logging
from infra.temporal_casts import TemporalCasts
from infra.temporal_publishing import TemporalPublishing
from infra.temporal_replays import TemporalReplays


def build_services(platform: Platform, health_check: Health) -> Services:
    """The services of the routes over one platform; mypy checks that adapters fit their ports."""
    accounts: Accounts = PostgresAccounts(platform.database, pepper=platform.vault.api_key_pepper)
    spell_reads: Spells = PostgresSpells(platform.database)
    publishing: Publishing = TemporalPublishing(platform.temporal, platform.blobs)
    casting: Casting = TemporalCasts(platform.temporal)
    cast_reads: CastReads = PostgresCastReads(platform.database)
    files: CastFiles = EncryptedCastFiles(platform.blobs, platform.vault)
    receipts_read = PostgresReceipts(platform.database)
    signed: SignedReceipts = VaultSignedReceipts(receipts_read, platform.vault)
    replaying: Replaying = TemporalReplays(platform.temporal, platform.blobs, platform.vault)
    modules: PublishedModules = BlobPublishedModules(platform.database, platform.blobs)
    feed: EventFeed = NatsEventFeed(platform.nats)
    decoder: PayloadDecoder = ConverterDecoder(platform.converter)
    return Services(
        accounts=accounts,
        spells=spell_reads,
        publishing=publishing,
        casting=casting,
        casts=cast_reads,
        files=files,
        receipts=signed,
        replaying=replaying,
        modules=modules,
        feed=feed,
        health=health_check,
        decoder=decoder,
        codec_origins=_codec_origins(platform.settings),
    )


def _codec_origins(settings: PlatformSettings) -> frozenset[str]:
    """The Temporal UI by both names of this machine: its own banner says `localhost`."""
    if not (settings.codec_open_to_ui and settings.temporal_ui_url):
        return frozenset()
    url = settings.temporal_ui_url
    return frozenset({url, url.replace("//127.0.0.1", "//localhost")})


@asynccontextmanager
async def _lifespan(application: FastAPI) -> AsyncIterator[None]:
    settings = PlatformSettings()
    configure_logging("api", settings.log_level)
    async with (
        open_platform(settings, process="spell-api") as platform,
        open_redis(settings.redis_url.get_secret_value()) as redis,
    ):
        application.state.services = build_services(platform, PlatformHealth(platform, redis))
        yield


def create_app() -> FastAPI:
    """The application, without its connections: those open when it starts."""
    application = FastAPI(
        title="Spell Platform",
        version="1",
        description="Cast signed WebAssembly programs and pay per run.",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        responses={"default": problems.OPENAPI_RESPONSE},
    )
    application.add_middleware(LastResort)
    application.add_middleware(RequestIds)
    problems.install(application)
    for routes in (health, casts, cast_events, receipts, spells, account, codec):
        application.include_router(routes.router)
    return application


app = create_app()
