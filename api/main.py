"""The API process: builds the adapters, hands them to the routes, closes them in order.

Run it with `uvicorn api.main:app`; settings come from `SPELL_…` variables.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api import problems
from api.backpressure import Backpressure, Bounds
from api.deps import Services
from api.middleware import LastResort, RequestIds
from api.ports import Health
from api.routes import ROUTERS
from infra.cast_files import EncryptedCastFiles
from infra.codec_decoder import ConverterDecoder
from infra.event_feed import NatsEventFeed
from infra.health import PlatformHealth
from infra.platform import Platform, open_platform
from infra.published_bills import PackagedBills
from infra.published_modules import BlobPublishedModules
from infra.redis import open_redis
from infra.repositories.accounts import PostgresAccounts
from infra.repositories.advisory_exceptions import PostgresAdvisoryExceptions
from infra.repositories.cast_reads import PostgresCastReads
from infra.repositories.notification_channels import PostgresNotificationChannels
from infra.repositories.publications import PostgresPublications
from infra.repositories.receipts import PostgresReceipts
from infra.repositories.signing_identities import PostgresSigningIdentities
from infra.repositories.spell_aliases import PostgresSpellAliases
from infra.repositories.spell_secrets import PostgresSpellSecrets
from infra.repositories.spells import PostgresSpells
from infra.repositories.supply_chain_log import PostgresSupplyChainLog
from infra.repositories.uploads import BlobUploads
from infra.repositories.vulnerabilities import PostgresVulnerabilities
from infra.run_queue import NatsRunQueue
from infra.settings import PlatformSettings
from infra.signed_receipts import VaultSignedReceipts
from infra.supply_chain.bill_reader import KillableBillReader
from infra.telemetry import configure_logging
from infra.temporal_aftercare import TemporalAftercare
from infra.temporal_casts import TemporalCasts
from infra.temporal_publishing import TemporalPublishing
from infra.temporal_replays import TemporalReplays


def build_services(
    platform: Platform, health_check: Health, bill_reader: KillableBillReader
) -> Services:
    """The services of the routes over one platform; mypy checks that adapters fit their ports."""
    vault, blobs, database = platform.vault, platform.blobs, platform.database
    casts = PostgresCastReads(database)
    publications = PostgresPublications(database)
    bounds = Bounds(platform.settings.open_casts_max, platform.settings.queued_runs_max)
    return Services(
        accounts=PostgresAccounts(database, pepper=vault.api_key_pepper),
        spells=PostgresSpells(database),
        secrets=PostgresSpellSecrets(database, vault),
        advisory_exceptions=PostgresAdvisoryExceptions(database),
        identities=PostgresSigningIdentities(database),
        publishing=TemporalPublishing(platform.temporal, blobs, publications),
        publications=publications,
        uploads=BlobUploads(database, blobs),
        aliases=PostgresSpellAliases(database),
        casting=TemporalCasts(platform.temporal),
        backpressure=Backpressure(casts, NatsRunQueue(platform.nats), bounds),
        casts=casts,
        files=EncryptedCastFiles(blobs, vault),
        receipts=VaultSignedReceipts(PostgresReceipts(database, vault), vault),
        replaying=TemporalReplays(platform.temporal, blobs, vault),
        modules=BlobPublishedModules(database, blobs),
        bills=PackagedBills(database, blobs, bill_reader),
        supply_chain_log=PostgresSupplyChainLog(database),
        vulnerabilities=PostgresVulnerabilities(database),
        channels=PostgresNotificationChannels(database, vault, platform.settings.told_by),
        aftercare=TemporalAftercare(platform.temporal),
        feed=NatsEventFeed(platform.nats),
        health=health_check,
        decoder=ConverterDecoder(platform.converter),
        codec_origins=platform.settings.codec_origins,
    )


@asynccontextmanager
async def _lifespan(application: FastAPI) -> AsyncIterator[None]:
    settings = PlatformSettings()
    configure_logging("api", settings.log_level)
    async with (
        open_platform(settings, process="spell-api") as platform,
        open_redis(settings.redis_url.get_secret_value()) as redis,
        KillableBillReader() as bill_reader,
    ):
        application.state.services = build_services(
            platform, PlatformHealth(platform, redis), bill_reader
        )
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
        responses={"default": problems.OPENAPI_RESPONSE},
    )
    application.add_middleware(LastResort)
    application.add_middleware(RequestIds)
    problems.install(application)
    for router in ROUTERS:
        application.include_router(router)
    return application


app = create_app()
