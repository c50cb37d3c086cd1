"""Temporal worker: wiring only. Nobody imports this module.

Runs the workflows and activities of casts and publishing on one client; any number of these
processes share the work.
"""

import asyncio
import signal
from datetime import timedelta

import uvloop
from temporalio.worker import Worker

from activities import ports
from activities.billing import BillingActivities
from activities.casting import CastingActivities
from activities.maintenance import MaintenanceActivities
from activities.module_supply import ModuleSupply
from activities.publishing import PublishingActivities
from activities.replaying import ReplayingActivities
from activities.running import RunningActivities
from infra.module_inspector import SubprocessModuleInspector
from infra.nats_streams import BusSizes, ensure_streams
from infra.platform import Platform, open_platform
from infra.repositories.casts import PostgresCasts
from infra.repositories.receipts import PostgresReceipts
from infra.repositories.spells import PostgresSpells
from infra.run_bus import NatsRunBus
from infra.schema_checker import KillableSchemaChecker
from infra.settings import PlatformSettings
from infra.telemetry import configure_logging
from infra.temporal import ensure_search_attributes
from infra.temporal_schedules import ensure_schedules
from infra.temporal_states import TemporalWorkflowStates
from infra.unsigned_gate import UnsignedGate
from schema.names import CASTS_TASK_QUEUE, PUBLISHING_TASK_QUEUE
from workflows.cast_spell import CastSpell
from workflows.publish_spell import PublishSpell
from workflows.reconcile_holds import ReconcileHolds
from workflows.replay_cast import ReplayCast

# Below the 30 s after which orchestrators kill: what does not finish is resumed elsewhere.
GRACE = timedelta(seconds=20)


def build_workers(platform: Platform, checker: ports.SchemaChecker, engine: str) -> list[Worker]:
    """The workers of this process, one per task queue."""
    settings, database = platform.settings, platform.database
    postgres_casts = PostgresCasts(database, fee_basis_points=settings.platform_fee_basis_points)
    casts: ports.CastStore = postgres_casts
    holds: ports.OpenHolds = postgres_casts
    spells: ports.SpellStore = PostgresSpells(database)
    bus: ports.RunBus = NatsRunBus(platform.nats)
    blobs: ports.BlobStore = platform.blobs
    vault: ports.Vault = platform.vault
    inspector: ports.ModuleInspector = SubprocessModuleInspector()
    gate: ports.SupplyChainGate = UnsignedGate(accept=settings.accept_unsigned_packages)
    modules = ModuleSupply(blobs, bus, vault, engine)
    casting = CastingActivities(casts, checker)
    running = RunningActivities(casts, bus, blobs, vault, checker, modules)
    billing = BillingActivities(casts, bus)
    replaying = ReplayingActivities(PostgresReceipts(database), running, blobs, vault)
    maintenance = MaintenanceActivities(holds, TemporalWorkflowStates(platform.temporal), bus)
    publishing = PublishingActivities(spells, blobs, checker, inspector, gate, modules)
    return [
        Worker(
            platform.temporal,
            task_queue=CASTS_TASK_QUEUE,
            workflows=[CastSpell, ReplayCast, ReconcileHolds],
            activities=[
                casting.admit,
                running.run,
                running.stop,
                billing.settle,
                billing.release,
                replaying.plan,
                replaying.run,
                maintenance.reconcile_holds,
            ],
            max_cached_workflows=2000,
            max_concurrent_activities=500,
            graceful_shutdown_timeout=GRACE,
        ),
        Worker(
            platform.temporal,
            task_queue=PUBLISHING_TASK_QUEUE,
            workflows=[PublishSpell],
            activities=[publishing.inspect, publishing.record],
            max_concurrent_activities=4,
            graceful_shutdown_timeout=GRACE,
        ),
    ]


async def run() -> None:
    """Work until SIGTERM or SIGINT, then finish or hand back what is under way."""
    settings = PlatformSettings()
    configure_logging("worker", settings.log_level)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with (
        open_platform(settings, process="spell-worker") as platform,
        KillableSchemaChecker() as checker,
    ):
        await ensure_streams(platform.nats.jetstream(), BusSizes(replicas=settings.bus_replicas))
        await ensure_search_attributes(platform.temporal)
        await ensure_schedules(platform.temporal)
        workers = build_workers(platform, checker, await SubprocessModuleInspector().engine_name())
        async with workers[0], workers[1]:
            await stop.wait()


def main() -> None:
    """Entry point `spell-worker`."""
    uvloop.run(run())


if __name__ == "__main__":
    main()
