"""The queue of casts: everything that holds, runs, settles and releases."""

from datetime import timedelta

from temporalio.worker import Worker

from activities import ports
from activities.artifacts import ArtifactTidying
from activities.backpressure import Backpressure, Bounds
from activities.billing import BillingActivities
from activities.casting import CastingActivities
from activities.ledger import LedgerActivities
from activities.maintenance import MaintenanceActivities
from activities.module_supply import ModuleSupply
from activities.outputs import Outputs
from activities.progress import ProgressNotes
from activities.replaying import ReplayingActivities
from activities.revoking import RevokingActivities
from activities.run_requests import RunRequests
from activities.running import RunningActivities
from activities.scheduling import SchedulingActivities
from activities.supply_chain.deciding import Deciding
from activities.verdicts import Verdicts
from infra.artifact_store import EncryptedArtifactStore
from infra.expired_artifacts import BlobExpiredArtifacts
from infra.ledger.anchors import LedgerAnchors
from infra.ledger.sealer import VaultLedgerSealer
from infra.platform import Platform, postgres_casts_of
from infra.repositories.cast_reads import PostgresCastReads
from infra.repositories.ledger_seals import PostgresLedgerSeals
from infra.repositories.receipts import PostgresReceipts
from infra.repositories.revocations import PostgresRevocations
from infra.repositories.schedule_runs import PostgresScheduleRuns
from infra.repositories.spell_secrets import PostgresSpellSecrets
from infra.repositories.webhook_deliveries import PostgresWebhookDeliveries
from infra.revocation_bucket import NatsRevocationBucket
from infra.run_bus import NatsRunBus
from infra.run_queue import NatsRunQueue
from infra.temporal_cast_schedules import TemporalCastSchedules
from infra.temporal_casts import TemporalCasts
from infra.temporal_states import TemporalWorkflowStates
from infra.temporal_webhooks import PromptWebhooks, TemporalWebhooks
from schema.names import CASTS_TASK_QUEUE
from workflows.apply_revocation import ApplyRevocation
from workflows.cast_on_schedule import CastOnSchedule
from workflows.cast_spell import CastSpell
from workflows.reconcile_holds import ReconcileHolds
from workflows.replay_cast import ReplayCast
from workflows.seal_ledger import SealLedger
from workflows.tidy_artifacts import TidyArtifacts


def casts_worker(
    platform: Platform,
    checker: ports.SchemaChecker,
    deciding: Deciding,
    engine: str,
    grace: timedelta,
) -> Worker:
    """The worker of casts.

    Args:
        platform: open connections.
        checker: of schemas and values.
        deciding: verdicts on what is to be cast.
        engine: the engine whose compiled code is brought to runners.
        grace: how long it may finish what it does when it is stopped.
    """
    database, blobs, vault = platform.database, platform.blobs, platform.vault
    bus = NatsRunBus(platform.nats)
    casts = postgres_casts_of(platform, deciding)
    secrets = PostgresSpellSecrets(database, vault)
    casting = CastingActivities(casts, checker, secrets)
    revocations = PostgresRevocations(database)
    modules = ModuleSupply(blobs, bus, vault, engine)
    requests = RunRequests(blobs, bus, vault, modules, secrets, revocations)
    verdicts = Verdicts(casts, bus, requests, ProgressNotes(casts, bus, vault))
    outputs = Outputs(casts, blobs, vault, checker, EncryptedArtifactStore(blobs, vault))
    running = RunningActivities(bus, verdicts, outputs)
    webhooks = PromptWebhooks(
        PostgresWebhookDeliveries(database, vault), TemporalWebhooks(platform.temporal)
    )
    billing = BillingActivities(casts, bus, webhooks)
    replaying = ReplayingActivities(PostgresReceipts(database, vault), verdicts, blobs, vault)
    maintenance = MaintenanceActivities(casts, TemporalWorkflowStates(platform.temporal), bus)
    lifetime = platform.settings.artifact_lifetime
    seals = PostgresLedgerSeals(database)
    ledger = LedgerActivities(VaultLedgerSealer(seals, LedgerAnchors(blobs), vault))
    tidying = ArtifactTidying(BlobExpiredArtifacts(database, blobs, lifetime))
    revoking = RevokingActivities(
        revocations,
        NatsRevocationBucket(platform.nats, revocations),
        TemporalCasts(platform.temporal),
        casts,
        bus,
    )
    scheduling = _scheduling(platform)
    return Worker(
        platform.temporal,
        task_queue=CASTS_TASK_QUEUE,
        workflows=[
            CastSpell,
            CastOnSchedule,
            ReplayCast,
            ReconcileHolds,
            ApplyRevocation,
            SealLedger,
            TidyArtifacts,
        ],
        activities=[
            casting.admit,
            casting.hold_checked,
            casting.fall_back,
            running.run,
            running.stop,
            billing.settle,
            billing.release,
            replaying.plan,
            replaying.run,
            maintenance.reconcile_holds,
            ledger.seal,
            tidying.tidy,
            revoking.record,
            revoking.tell_runners,
            revoking.stop_casts,
            scheduling.cast,
            scheduling.has_ended,
        ],
        max_cached_workflows=2000,
        # Most of them wait; the open casts of one account must not take all places.
        max_concurrent_activities=4_000,
        graceful_shutdown_timeout=grace,
    )


def _scheduling(platform: Platform) -> SchedulingActivities:
    settings, reads = platform.settings, PostgresCastReads(platform.database)
    bounds = Bounds(settings.open_casts_max, settings.queued_runs_max)
    return SchedulingActivities(
        schedules=PostgresScheduleRuns(platform.database, platform.vault),
        clocks=TemporalCastSchedules(platform.temporal),
        casts=reads,
        casting=TemporalCasts(platform.temporal),
        door=Backpressure(reads, NatsRunQueue(platform.nats), bounds),
    )
