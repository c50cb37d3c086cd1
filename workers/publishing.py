"""The queue of publishing: few at a time, since checks take processor time."""

from datetime import timedelta

from temporalio.worker import Worker

from activities import ports
from activities.checking import CheckingActivities
from activities.module_supply import ModuleSupply
from activities.publication_steps import PublicationSteps
from activities.publishing import PublishingActivities
from activities.repositories import RepositoryActivities
from activities.repository_ports import RepositoryRights
from activities.supply_chain.gate import Gate
from infra.github.unconnected import NoApp
from infra.github.workflow_files import YamlWorkflowFiles
from infra.module_inspector import SubprocessModuleInspector
from infra.platform import Platform
from infra.repositories.publications import PostgresPublications
from infra.repositories.spells import PostgresSpells
from infra.run_bus import NatsRunBus
from schema.names import PUBLISHING_TASK_QUEUE
from workers.github import actions_host_of
from workflows.publish_spell import PublishSpell


def publishing_worker(
    platform: Platform,
    checker: ports.SchemaChecker,
    gate: Gate,
    rights: RepositoryRights,
    engine: str,
    grace: timedelta,
) -> Worker:
    """The worker of publishing; `rights` of makers on GitHub, the others as `casts_worker`."""
    blobs, bus = platform.blobs, NatsRunBus(platform.nats)
    publications = PostgresPublications(platform.database)
    steps = PublicationSteps(publications, blobs, bus)
    publishing = PublishingActivities(
        PostgresSpells(platform.database),
        publications,
        blobs,
        checker,
        SubprocessModuleInspector(),
        ModuleSupply(blobs, bus, platform.vault, engine),
        steps,
        platform.settings.mode_policy.granted,
    )
    sources = actions_host_of(platform.settings) or NoApp()
    repositories = RepositoryActivities(blobs, rights, sources, YamlWorkflowFiles(), steps)
    checking = CheckingActivities(gate, steps)
    return Worker(
        platform.temporal,
        task_queue=PUBLISHING_TASK_QUEUE,
        workflows=[PublishSpell],
        activities=[
            publishing.open,
            repositories.check,
            checking.signature,
            checking.sbom,
            checking.advisories,
            checking.licenses,
            checking.decide,
            checking.standing,
            publishing.module,
            publishing.record,
            publishing.conclude,
        ],
        max_concurrent_activities=4,
        graceful_shutdown_timeout=grace,
    )
