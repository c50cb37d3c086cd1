"""What the API process is made of: the adapters of one platform, handed to the ports of routes."""

from activities.backpressure import Backpressure, Bounds
from api.archive_slots import ArchiveSlots
from api.billing_wiring import billing_of
from api.deps import Services
from api.github_wiring import github_inbox_of, run_inputs_of
from api.ledger_wiring import ledger_of
from api.ports import Health
from api.purchase_wiring import purchases_of, purchasing_of, stripe_inbox_of
from api.stream_wiring import event_streams_of
from api.webhook_wiring import prompt_webhooks_of
from infra.artifact_links import SealedArtifactLinks
from infra.artifact_store import EncryptedArtifactStore
from infra.cast_artifacts import CastArtifacts
from infra.cast_files import EncryptedCastFiles
from infra.codec_decoder import ConverterDecoder
from infra.event_feed import NatsEventFeed
from infra.github.accounts import connected_users_of, connecting_of
from infra.platform import Platform
from infra.published_bills import PackagedBills
from infra.published_modules import BlobPublishedModules
from infra.repositories.account_modes import PostgresAccountModes
from infra.repositories.account_notifications import PostgresAccountNotifications
from infra.repositories.accounts import PostgresAccounts
from infra.repositories.advisory_exceptions import PostgresAdvisoryExceptions
from infra.repositories.artifacts import PostgresArtifacts
from infra.repositories.callbacks import PostgresCallbacks
from infra.repositories.cast_reads import PostgresCastReads
from infra.repositories.delivery_logs import PostgresDeliveryLogs
from infra.repositories.notification_channels import PostgresNotificationChannels
from infra.repositories.publications import PostgresPublications
from infra.repositories.receipts import PostgresReceipts
from infra.repositories.revocations import PostgresRevocations
from infra.repositories.schedules import PostgresSchedules
from infra.repositories.signing_identities import PostgresSigningIdentities
from infra.repositories.spell_aliases import PostgresSpellAliases
from infra.repositories.spell_secrets import PostgresSpellSecrets
from infra.repositories.spells import PostgresSpells
from infra.repositories.supply_chain_log import PostgresSupplyChainLog
from infra.repositories.suspensions import PostgresSuspensions
from infra.repositories.uploads import BlobUploads
from infra.repositories.vulnerabilities import PostgresVulnerabilities
from infra.repositories.webhook_endpoints import PostgresWebhookEndpoints
from infra.run_queue import NatsRunQueue
from infra.signed_receipts import VaultSignedReceipts
from infra.supply_chain.bill_reader import KillableBillReader
from infra.temporal_aftercare import TemporalAftercare
from infra.temporal_cast_schedules import TemporalCastSchedules
from infra.temporal_casts import TemporalCasts
from infra.temporal_publishing import TemporalPublishing
from infra.temporal_replays import TemporalReplays
from infra.temporal_revocations import TemporalRevocations


def build_services(
    platform: Platform, health_check: Health, bill_reader: KillableBillReader, feed: NatsEventFeed
) -> Services:
    """The services of the routes over one platform; mypy checks that adapters fit their ports."""
    vault, blobs, database = platform.vault, platform.blobs, platform.database
    settings, casts = platform.settings, PostgresCastReads(database)
    files, publications = EncryptedCastFiles(blobs, vault), PostgresPublications(database)
    bounds = Bounds(settings.open_casts_max, settings.queued_runs_max)
    return Services(
        accounts=PostgresAccounts(database, pepper=vault.api_key_pepper),
        billing=billing_of(database),
        modes=PostgresAccountModes(database, settings.mode_policy),
        spells=PostgresSpells(database),
        secrets=PostgresSpellSecrets(database, vault),
        advisory_exceptions=PostgresAdvisoryExceptions(database),
        identities=PostgresSigningIdentities(database),
        publishing=TemporalPublishing(platform.temporal, blobs, publications),
        archive_slots=ArchiveSlots(),
        publications=publications,
        uploads=BlobUploads(database, blobs),
        aliases=PostgresSpellAliases(database),
        revocations=PostgresRevocations(database),
        revoking=TemporalRevocations(platform.temporal),
        suspensions=PostgresSuspensions(database),
        ledger=ledger_of(platform),
        casting=TemporalCasts(platform.temporal),
        backpressure=Backpressure(casts, NatsRunQueue(platform.nats), bounds),
        casts=casts,
        files=files,
        artifacts=CastArtifacts(
            PostgresArtifacts(database),
            EncryptedArtifactStore(blobs, vault),
            files,
            settings.artifact_lifetime,
        ),
        links=SealedArtifactLinks(database, vault, settings.public_url),
        receipts=VaultSignedReceipts(PostgresReceipts(database, vault), vault),
        replaying=TemporalReplays(platform.temporal, blobs, vault),
        modules=BlobPublishedModules(database, blobs),
        bills=PackagedBills(database, blobs, bill_reader),
        supply_chain_log=PostgresSupplyChainLog(database),
        vulnerabilities=PostgresVulnerabilities(database),
        channels=PostgresNotificationChannels(database, vault, settings.told_by),
        notifications=PostgresAccountNotifications(database),
        endpoints=PostgresWebhookEndpoints(database, vault),
        deliveries=PostgresDeliveryLogs(database, settings.public_url),
        callbacks=PostgresCallbacks(database, vault),
        webhooks=prompt_webhooks_of(platform),
        aftercare=TemporalAftercare(platform.temporal),
        purchasing=purchasing_of(platform),
        purchases=purchases_of(platform),
        stripe_inbox=stripe_inbox_of(platform),
        run_inputs=run_inputs_of(platform),
        github_inbox=github_inbox_of(platform),
        github=connecting_of(platform),
        github_users=connected_users_of(platform),
        schedules=PostgresSchedules(database, vault, schedules_max=settings.schedules_max),
        schedule_clocks=TemporalCastSchedules(platform.temporal),
        schedule_seconds_min=settings.schedule_seconds_min,
        feed=feed,
        streams=event_streams_of(settings, feed),
        health=health_check,
        decoder=ConverterDecoder(platform.converter),
        codec_origins=settings.codec_origins,
    )
