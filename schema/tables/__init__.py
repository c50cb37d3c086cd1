"""SQLModel tables. Workflows never see them; migrations in `infra/migrations` create them.

Rows hold opaque ids only; what names a person lives in `AccountProfile`, which can be shredded
without touching money (decision 18).
"""

from schema.tables.accounts import Account, AccountModes, AccountProfile, AccountSecret, ApiKey
from schema.tables.actions import ActionsRun, GitHubDelivery, RunInput
from schema.tables.advisories import (
    Advisory,
    AdvisoryExceptionRow,
    AdvisoryGroup,
    AdvisoryPackage,
    AdvisorySnapshot,
    AdvisorySource,
)
from schema.tables.aftercare import (
    Notification,
    NotificationChannel,
    NotificationDelivery,
    VersionFinding,
)
from schema.tables.artifacts import Artifact, CastLeftovers, UsedArtifactLink
from schema.tables.billing import (
    BillingChange,
    BillingTimeZone,
    Budget,
    BudgetAlert,
    BudgetCap,
    BudgetKind,
    Hold,
    LedgerAccount,
    LedgerTransfer,
)
from schema.tables.casts import Cast, CastEvent, IdempotencyRecord
from schema.tables.github import GitHubConnection, GitHubDeviceCode
from schema.tables.ledger import LedgerConversion, LedgerMovement, LedgerSealRow
from schema.tables.publishing import Publication, PublicationEvent, Upload
from schema.tables.purchases import Entitlement, Purchase, PurchasePayment, StripeEvent
from schema.tables.schedules import Schedule, ScheduleRun
from schema.tables.spells import (
    Consent,
    Spell,
    SpellAlias,
    SpellSecret,
    SpellVersion,
    VerificationDecision,
)
from schema.tables.supply_chain import (
    PackageEvidence,
    Revocation,
    SigningIdentity,
    SpellSuspension,
    SupplyChainLogEntry,
)
from schema.tables.webhooks import (
    CallbackSecretRow,
    CastCallback,
    WebhookAttempt,
    WebhookDeliveryRow,
    WebhookEndpoint,
    WebhookMessageRow,
)

__all__ = [
    "Account",
    "AccountModes",
    "AccountProfile",
    "AccountSecret",
    "ActionsRun",
    "Advisory",
    "AdvisoryExceptionRow",
    "AdvisoryGroup",
    "AdvisoryPackage",
    "AdvisorySnapshot",
    "AdvisorySource",
    "ApiKey",
    "Artifact",
    "BillingChange",
    "BillingTimeZone",
    "Budget",
    "BudgetAlert",
    "BudgetCap",
    "BudgetKind",
    "CallbackSecretRow",
    "Cast",
    "CastCallback",
    "CastEvent",
    "CastLeftovers",
    "Consent",
    "Entitlement",
    "GitHubConnection",
    "GitHubDelivery",
    "GitHubDeviceCode",
    "Hold",
    "IdempotencyRecord",
    "LedgerAccount",
    "LedgerConversion",
    "LedgerMovement",
    "LedgerSealRow",
    "LedgerTransfer",
    "Notification",
    "NotificationChannel",
    "NotificationDelivery",
    "PackageEvidence",
    "Publication",
    "PublicationEvent",
    "Purchase",
    "PurchasePayment",
    "Revocation",
    "RunInput",
    "Schedule",
    "ScheduleRun",
    "SigningIdentity",
    "Spell",
    "SpellAlias",
    "SpellSecret",
    "SpellSuspension",
    "SpellVersion",
    "StripeEvent",
    "SupplyChainLogEntry",
    "Upload",
    "UsedArtifactLink",
    "VerificationDecision",
    "VersionFinding",
    "WebhookAttempt",
    "WebhookDeliveryRow",
    "WebhookEndpoint",
    "WebhookMessageRow",
]
