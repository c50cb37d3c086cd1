"""What api, worker and operator commands share: open connections to everything, closed in order."""

import base64
import binascii
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from nats.aio.client import Client as NatsClient
from temporalio.client import Client as TemporalClient
from temporalio.converter import DataConverter

from infra import temporal
from infra.blob_store import ObjectBlobStore
from infra.nats_connection import open_nats
from infra.nats_streams import BusSizes
from infra.postgres import Database, create_engine
from infra.repositories.castable_versions import Verdicts
from infra.repositories.casts import PostgresCasts
from infra.settings import PlatformSettings
from infra.stripe.checkout import StripeCheckout
from infra.vault import PlatformVault


@dataclass(frozen=True)
class Platform:
    """Open connections of one process."""

    settings: PlatformSettings
    vault: PlatformVault
    blobs: ObjectBlobStore
    converter: DataConverter
    database: Database
    nats: NatsClient
    temporal: TemporalClient


@asynccontextmanager
async def open_database(settings: PlatformSettings) -> AsyncIterator[Database]:
    """The database alone, for what needs no more."""
    database = Database(
        create_engine(
            settings.database_url.get_secret_value(),
            pool_size=settings.database_pool_size,
            statement_cache=settings.database_statement_cache,
        )
    )
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def open_platform(settings: PlatformSettings, *, process: str) -> AsyncIterator[Platform]:
    """Connect to Postgres, NATS and Temporal.

    Args:
        settings: where everything is.
        process: our name, as servers show it to operators.

    Raises:
        SpellError: SERVICE_UNAVAILABLE, NATS does not answer or refuses us.
        RuntimeError: Temporal is not reachable.
    """
    vault = make_vault(settings)
    blobs = ObjectBlobStore(settings.object_store_url)
    converter = temporal.data_converter(vault, blobs)
    async with (
        open_database(settings) as database,
        open_nats(settings.nats_url.get_secret_value(), name=process) as nats,
    ):
        client = await temporal.connect(settings, converter)
        yield Platform(settings, vault, blobs, converter, database, nats, client)


def postgres_casts_of(platform: Platform, verdicts: Verdicts) -> PostgresCasts:
    """The system of record for casts, with the bounds and the fee of this installation."""
    return PostgresCasts(
        platform.database,
        verdicts,
        fee_basis_points=platform.settings.platform_fee_basis_points,
        open_casts_max=platform.settings.open_casts_max,
        modes=platform.settings.mode_policy,
        artifact_lifetime=platform.settings.artifact_lifetime,
    )


def checkout_of(settings: PlatformSettings) -> StripeCheckout | None:
    """Where buyers pay; None where nothing is sold for money."""
    if settings.stripe_key is None:
        return None
    return StripeCheckout(
        url=settings.stripe_url,
        key=settings.stripe_key.get_secret_value(),
        public_url=settings.public_url,
    )


def bus_sizes(settings: PlatformSettings) -> BusSizes:
    """How large the streams of this installation are."""
    return BusSizes(
        replicas=settings.bus_replicas,
        queued_runs_per_lane_max=settings.queued_runs_per_lane_max,
    )


def make_vault(settings: PlatformSettings) -> PlatformVault:
    """The vault over the master key. Raises ValueError when the key is not 32 bytes in base64."""
    try:
        master_key = base64.b64decode(settings.master_key.get_secret_value(), validate=True)
    except binascii.Error as error:
        raise ValueError("SPELL_MASTER_KEY must be base64 of 32 random bytes") from error
    return PlatformVault(master_key, settings.runner_public_key)
