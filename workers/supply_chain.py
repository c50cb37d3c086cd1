"""The queue of what comes after publishing: re-scans, advisory clocks, notifications."""

from datetime import timedelta

from temporalio.worker import Worker

from activities.advisories import AdvisoryActivities
from activities.clocks import ClockActivities
from activities.notifying import NotifyingActivities
from activities.rescanning import RescanningActivities
from activities.supply_chain.aftercare_ports import NotificationChannel
from activities.supply_chain.gate import Gate
from activities.tidying import TidyingActivities
from infra.notifications.email import SmtpChannel
from infra.platform import Platform
from infra.repositories.findings import PostgresFindings
from infra.repositories.notifications import PostgresOutbox
from infra.repositories.publications import PostgresPublications
from infra.repositories.supply_chain_log import PostgresSupplyChainLog
from infra.repositories.uploads import BlobUploads
from infra.run_bus import NatsRunBus
from infra.settings import PlatformSettings
from infra.supply_chain.advisories.chosen import chosen_importer
from infra.temporal_aftercare import TemporalAftercare
from infra.temporal_states import TemporalWorkflowStates
from schema.contracts.notifications import ChannelKind
from schema.names import SUPPLY_CHAIN_TASK_QUEUE
from workers.gate import deciding_anew_of
from workflows.advisory_clock import AdvisoryClock
from workflows.deliver_notification import DeliverNotification
from workflows.relay_notifications import RelayNotifications
from workflows.rescan_versions import RescanVersions
from workflows.tidy_publishing import TidyPublishing


def supply_chain_worker(platform: Platform, gate: Gate, grace: timedelta) -> Worker:
    """The worker of what comes after publishing; arguments as `casts_worker`."""
    settings, database = platform.settings, platform.database
    findings = PostgresFindings(database, settings.advisory_grace)
    verdicts = deciding_anew_of(platform, gate)
    temporal = TemporalAftercare(platform.temporal)
    rescanning = RescanningActivities(
        findings, verdicts, temporal, PostgresSupplyChainLog(database)
    )
    clocks = ClockActivities(findings, verdicts)
    outbox = PostgresOutbox(database, platform.vault)
    notifying = NotifyingActivities(outbox, temporal, channels_of(settings))
    tidying = TidyingActivities(
        PostgresPublications(database),
        BlobUploads(database, platform.blobs),
        TemporalWorkflowStates(platform.temporal),
        NatsRunBus(platform.nats),
    )
    advisories = AdvisoryActivities(chosen_importer(settings, database))
    return Worker(
        platform.temporal,
        task_queue=SUPPLY_CHAIN_TASK_QUEUE,
        workflows=[
            RescanVersions,
            AdvisoryClock,
            RelayNotifications,
            DeliverNotification,
            TidyPublishing,
        ],
        activities=[
            advisories.import_advisories,
            rescanning.look,
            rescanning.conclude,
            clocks.state,
            clocks.remind,
            clocks.expire,
            notifying.relay,
            notifying.deliver,
            notifying.bury,
            tidying.close_publications,
            tidying.purge_uploads,
        ],
        max_concurrent_activities=50,
        graceful_shutdown_timeout=grace,
    )


def channels_of(settings: PlatformSettings) -> dict[str, NotificationChannel]:
    """The ways in which this installation tells people."""
    if settings.smtp_url is None:
        return {}
    url = settings.smtp_url.get_secret_value()
    return {ChannelKind.EMAIL.value: SmtpChannel(url, settings.notifications_from)}
