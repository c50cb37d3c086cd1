"""What the API process is made of: the adapters of one platform, handed to the ports of routes."""

from api.archive_slots import ArchiveSlots
from api.backpressure import Backpressure, Bounds
from api.deps import Services
from api.github_inbox import GitHubInbox
from api.ports import Health
from api.stripe_inbox import StripeInbox
from infra.cast_files import EncryptedCastFiles
from infra.codec_decoder import ConverterDecoder
from infra.event_feed import NatsEventFeed
from infra.platform import Platform
from infra.published_bills import PackagedBills
from infra.published_modules import BlobPublishedModules
from infra.repositories.account_notifications import PostgresAccountNotifications
from infra.repositories.accounts import PostgresAccounts
from infra.repositories.actions_runs import PostgresActionsRuns
from infra.repositories.advisory_exceptions import PostgresAdvisoryExceptions
from infra.repositories.cast_reads import PostgresCastReads
from infra.repositories.github_deliveries import PostgresGitHubDeliveries
from infra.repositories.notification_channels import PostgresNotificationChannels
from infra.repositories.publications import PostgresPublications
from infra.repositories.purchases import PostgresPurchases
from infra.repositories.receipts import PostgresReceipts
from infra.repositories.revocations import PostgresRevocations
from infra.repositories.run_inputs import StoredRunInputs
from infra.repositories.signing_identities import PostgresSigningIdentities
from infra.repositories.spell_aliases import PostgresSpellAliases
from infra.repositories.spell_secrets import PostgresSpellSecrets
from infra.repositories.spells import PostgresSpells
from infra.repositories.stripe_events import PostgresStripeEvents
from infra.repositories.supply_chain_log import PostgresSupplyChainLog
from infra.repositories.suspensions import PostgresSuspensions
from infra.repositories.uploads import BlobUploads
from infra.repositories.vulnerabilities import PostgresVulnerabilities
from infra.run_queue import NatsRunQueue
from infra.signed_receipts import VaultSignedReceipts
from infra.stripe.deliveries import StripeSignatures
from infra.supply_chain.bill_reader import KillableBillReader
from infra.temporal_actions import TemporalActions
from infra.temporal_aftercare import TemporalAftercare
from infra.temporal_casts import TemporalCasts
from infra.temporal_publishing import TemporalPublishing
from infra.temporal_purchases import TemporalPurchases
from infra.temporal_replays import TemporalReplays
from infra.temporal_revocations import TemporalRevocations


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
        archive_slots=ArchiveSlots(),
        publications=publications,
        uploads=BlobUploads(database, blobs),
        aliases=PostgresSpellAliases(database),
        revocations=PostgresRevocations(database),
        revoking=TemporalRevocations(platform.temporal),
        suspensions=PostgresSuspensions(database),
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
        notifications=PostgresAccountNotifications(database),
        aftercare=TemporalAftercare(platform.temporal),
        feed=NatsEventFeed(platform.nats),
        purchasing=TemporalPurchases(platform.temporal),
        purchases=PostgresPurchases(
            database, fee_basis_points=platform.settings.platform_fee_basis_points
        ),
        stripe_inbox=stripe_inbox_of(platform),
        run_inputs=StoredRunInputs(database, blobs, vault, platform.settings.public_url),
        github_inbox=github_inbox_of(platform),
        health=health_check,
        decoder=ConverterDecoder(platform.converter),
        codec_origins=platform.settings.codec_origins,
    )


def stripe_inbox_of(platform: Platform) -> StripeInbox:
    """What takes Stripe's deliveries on this installation."""
    secret = platform.settings.stripe_webhook_secret
    return StripeInbox(
        StripeSignatures(None if secret is None else secret.get_secret_value()),
        PostgresStripeEvents(platform.database),
        TemporalPurchases(platform.temporal),
    )


def github_inbox_of(platform: Platform) -> GitHubInbox:
    """What takes GitHub's deliveries on this installation."""
    secret = platform.settings.github_webhook_secret
    return GitHubInbox(
        PostgresGitHubDeliveries(platform.database),
        PostgresActionsRuns(platform.database),
        TemporalActions(platform.temporal),
        None if secret is None else secret.get_secret_value(),
    )
