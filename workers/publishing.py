"""The queue of publishing: few at a time, since checks take processor time."""

from datetime import timedelta

from temporalio.worker import Worker

from activities import ports
from activities.advisories import AdvisoryActivities
from activities.module_supply import ModuleSupply
from activities.publishing import PublishingActivities
from infra.module_inspector import SubprocessModuleInspector
from infra.platform import Platform
from infra.repositories.package_evidence import PostgresPackageEvidence
from infra.repositories.spells import PostgresSpells
from infra.run_bus import NatsRunBus
from infra.supply_chain.advisories.chosen import chosen_importer
from infra.unsigned_gate import UnsignedGate
from schema.names import PUBLISHING_TASK_QUEUE
from workflows.publish_spell import PublishSpell


def publishing_worker(
    platform: Platform, checker: ports.SchemaChecker, engine: str, grace: timedelta
) -> Worker:
    """The worker of publishing; arguments as `casts_worker`."""
    blobs, vault = platform.blobs, platform.vault
    publishing = PublishingActivities(
        PostgresSpells(platform.database),
        blobs,
        checker,
        SubprocessModuleInspector(),
        UnsignedGate(accept=platform.settings.accept_unsigned_packages),
        ModuleSupply(blobs, NatsRunBus(platform.nats), vault, engine),
        PostgresPackageEvidence(platform.database),
    )
    advisories = AdvisoryActivities(chosen_importer(platform.settings, platform.database))
    return Worker(
        platform.temporal,
        task_queue=PUBLISHING_TASK_QUEUE,
        workflows=[PublishSpell],
        activities=[publishing.inspect, publishing.record, advisories.import_advisories],
        max_concurrent_activities=4,
        graceful_shutdown_timeout=grace,
    )
