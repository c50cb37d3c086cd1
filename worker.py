"""Temporal worker: wiring only. Nobody imports it; any number of these share the work."""

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
from activities.outputs import Outputs
from activities.progress import ProgressNotes
from activities.publishing import PublishingActivities
from activities.replaying import ReplayingActivities
from activities.run_requests import RunRequests
from activities.running import RunningActivities
from activities.verdicts import Verdicts
from infra.module_inspector import SubprocessModuleInspector
from infra.nats_streams import ensure_streams
from infra.platform import Platform, bus_sizes, open_platform, postgres_casts_of
from infra.repositories.receipts import PostgresReceipts
from infra.repositories.spell_secrets import PostgresSpellSecrets
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
    blobs, vault, bus = platform.blobs, platform.vault, NatsRunBus(platform.nats)
    casts = postgres_casts_of(platform)
    secrets = PostgresSpellSecrets(database, vault)
    modules = ModuleSupply(blobs, bus, vault, engine)
    gate = UnsignedGate(accept=settings.accept_unsigned_packages)
    casting = CastingActivities(casts, checker, secrets)
    requests = RunRequests(blobs, bus, vault, modules, secrets)
    verdicts = Verdicts(casts, bus, requests, ProgressNotes(casts, bus, vault))
    running = RunningActivities(bus, verdicts, Outputs(casts, blobs, vault, checker))
    billing = BillingActivities(casts, bus)
    replaying = ReplayingActivities(PostgresReceipts(database, vault), verdicts, blobs, vault)
    maintenance = MaintenanceActivities(casts, TemporalWorkflowStates(platform.temporal), bus)
    publishing = PublishingActivities(
        PostgresSpells(database), blobs, checker, SubprocessModuleInspector(), gate, modules
    )
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
            # Most of them wait; the open casts of one account must not take all places.
            max_concurrent_activities=4_000,
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
        await ensure_streams(platform.nats.jetstream(), bus_sizes(settings))
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
