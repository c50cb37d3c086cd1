"""What handlers ask for: the caller, a scope, the services that `api.wiring` built."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import TypeAdapter, ValidationError

from activities.backpressure import Backpressure
from api.actions_ports import RunInputAddresses
from api.aftercare_ports import (
    AccountNotifications,
    Aftercare,
    NotificationChannels,
    SupplyChainLogReads,
    Vulnerabilities,
)
from api.archive_slots import ArchiveSlots
from api.billing_ports import Billing
from api.event_streams import EventStreams
from api.github_inbox import GitHubInbox
from api.github_ports import GitHubConnections, GitHubUsers
from api.ledger_ports import LedgerServices
from api.mode_ports import ModeRules
from api.ports import (
    Accounts,
    AdvisoryExceptions,
    ArtifactLinks,
    Artifacts,
    CastFiles,
    Casting,
    CastReads,
    EventFeed,
    Health,
    PayloadDecoder,
    PublicationReads,
    PublishedBills,
    PublishedModules,
    Publishing,
    Replaying,
    Revocations,
    Revoking,
    SignedReceipts,
    SigningIdentities,
    SpellAliases,
    Spells,
    SpellSecrets,
    Suspensions,
    Uploads,
)
from api.purchase_ports import PurchaseReads, Purchasing
from api.schedule_ports import ScheduleClocks, Schedules
from api.stripe_inbox import StripeInbox
from api.webhook_ports import Callbacks, DeliveryLogs, PromptRelay, WebhookEndpoints
from schema.contracts.account import Caller
from schema.errors import SpellError
from schema.ids import (
    LEDGER_ACCOUNT_ID,
    AliasName,
    ApiKeyId,
    ExceptionId,
    NotificationId,
    ScheduleId,
    SigningIdentityId,
    SpellKey,
    Version,
    WebhookEndpointId,
)
from schema.packaging.manifest_sections import VariableName
from schema.scopes import Scope


@dataclass(frozen=True)
class Services:
    """Everything that routes call."""

    accounts: Accounts
    billing: Billing
    modes: ModeRules
    spells: Spells
    secrets: SpellSecrets
    advisory_exceptions: AdvisoryExceptions
    identities: SigningIdentities
    publishing: Publishing
    archive_slots: ArchiveSlots
    publications: PublicationReads
    uploads: Uploads
    aliases: SpellAliases
    revocations: Revocations
    revoking: Revoking
    suspensions: Suspensions
    ledger: LedgerServices
    casting: Casting
    backpressure: Backpressure
    casts: CastReads
    files: CastFiles
    artifacts: Artifacts
    links: ArtifactLinks
    receipts: SignedReceipts
    replaying: Replaying
    modules: PublishedModules
    bills: PublishedBills
    supply_chain_log: SupplyChainLogReads
    vulnerabilities: Vulnerabilities
    channels: NotificationChannels
    notifications: AccountNotifications
    endpoints: WebhookEndpoints
    deliveries: DeliveryLogs
    callbacks: Callbacks
    webhooks: PromptRelay
    aftercare: Aftercare
    schedules: Schedules
    schedule_clocks: ScheduleClocks
    schedule_seconds_min: int
    """The shortest interval of a schedule."""
    feed: EventFeed
    purchasing: Purchasing
    purchases: PurchaseReads
    stripe_inbox: StripeInbox
    run_inputs: RunInputAddresses
    github_inbox: GitHubInbox
    github: GitHubConnections
    github_users: GitHubUsers
    streams: EventStreams
    health: Health
    decoder: PayloadDecoder
    codec_origins: frozenset[str]
    """Where the local platform's Temporal UI may come from to decode without a key."""


@dataclass(frozen=True)
class Identity:
    """The caller, and the secret that their cast ids derive from."""

    caller: Caller
    cast_secret: bytes


def get_services(request: Request) -> Services:
    """The services of this app."""
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(get_services)]
_bearer = HTTPBearer(auto_error=False, description="An API key: `sk_…`")


async def get_identity(
    services: ServicesDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Identity:
    """The caller behind the bearer key. Raises SpellError(UNAUTHORIZED)."""
    if credentials is None:
        raise SpellError("UNAUTHORIZED")
    found = await services.accounts.authenticate(credentials.credentials)
    if found is None:
        raise SpellError("UNAUTHORIZED")
    return Identity(*found)


IdentityDep = Annotated[Identity, Depends(get_identity)]


class Require:
    """Dependency: a caller whose key carries one of the scopes. Raises SpellError(FORBIDDEN)."""

    def __init__(self, scope: Scope, *others: Scope) -> None:
        self._scopes = (scope, *others)

    def __call__(self, identity: IdentityDep) -> Identity:
        """The identity, once it is checked to have one of the scopes."""
        if not any(identity.caller.may(scope) for scope in self._scopes):
            raise SpellError("FORBIDDEN", details={"scope": self._scopes[0].value})
        return identity


CasterDep = Annotated[Identity, Depends(Require(Scope.CAST))]
MakerDep = Annotated[Identity, Depends(Require(Scope.PUBLISH))]
OwnerDep = Annotated[Identity, Depends(Require(Scope.ACCOUNT))]
OperatorDep = Annotated[Identity, Depends(Require(Scope.DEPLOY))]
MakerOrOperatorDep = Annotated[Identity, Depends(Require(Scope.PUBLISH, Scope.DEPLOY))]

_SPELL_KEY: TypeAdapter[str] = TypeAdapter(SpellKey)
_ALIAS: TypeAdapter[str] = TypeAdapter(AliasName)
_VERSION: TypeAdapter[str] = TypeAdapter(Version)
_SECRET_NAME: TypeAdapter[str] = TypeAdapter(VariableName)
_API_KEY_ID: TypeAdapter[str] = TypeAdapter(ApiKeyId)
_EXCEPTION_ID: TypeAdapter[str] = TypeAdapter(ExceptionId)
_NOTIFICATION_ID: TypeAdapter[str] = TypeAdapter(NotificationId)
_ENDPOINT_ID: TypeAdapter[str] = TypeAdapter(WebhookEndpointId)
_SCHEDULE_ID: TypeAdapter[str] = TypeAdapter(ScheduleId)
_SIGNING_IDENTITY_ID: TypeAdapter[str] = TypeAdapter(SigningIdentityId)


def spell_key_in_path(key: str) -> str:
    """A spell's key. Raises SpellError(SPELL_NOT_FOUND) for what no spell can be called."""
    return _named(_SPELL_KEY, key, SpellError("SPELL_NOT_FOUND"))


def version_in_path(version: str) -> str:
    """A version's number. Raises SpellError(SPELL_NOT_FOUND) for what is none."""
    return _named(_VERSION, version, SpellError("SPELL_NOT_FOUND"))


def alias_in_path(alias: str) -> str:
    """An alias of a version. Raises SpellError(ALIAS_NOT_FOUND) for what none can be called."""
    return _named(_ALIAS, alias, SpellError("ALIAS_NOT_FOUND"))


def secret_name_in_path(name: str) -> str:
    """A secret's name. Raises SpellError(VALIDATION_ERROR) for what no variable can be called."""
    message = "The name of a secret is that of an environment variable: letters, digits and _."
    return _named(_SECRET_NAME, name, SpellError("VALIDATION_ERROR", message))


def key_id_in_path(key_id: str) -> str:
    """An API key's id. Raises SpellError(KEY_NOT_FOUND) for what is none."""
    return _named(_API_KEY_ID, key_id, SpellError("KEY_NOT_FOUND"))


def exception_id_in_path(exception_id: str) -> str:
    """An advisory exception's id. Raises SpellError(EXCEPTION_NOT_FOUND) for what is none."""
    return _named(_EXCEPTION_ID, exception_id, SpellError("EXCEPTION_NOT_FOUND"))


def notification_id_in_path(notification_id: str) -> str:
    """A notification's id. Raises SpellError(NOTIFICATION_NOT_FOUND) for what is none."""
    return _named(_NOTIFICATION_ID, notification_id, SpellError("NOTIFICATION_NOT_FOUND"))


def endpoint_id_in_path(endpoint_id: str) -> str:
    """A webhook endpoint's id. Raises SpellError(WEBHOOK_ENDPOINT_NOT_FOUND) for what is none."""
    return _named(_ENDPOINT_ID, endpoint_id, SpellError("WEBHOOK_ENDPOINT_NOT_FOUND"))


def message_id_in_path(message_id: str) -> str:
    """A webhook message's id. Raises SpellError(WEBHOOK_MESSAGE_NOT_FOUND) for what is none."""
    return _named(_NOTIFICATION_ID, message_id, SpellError("WEBHOOK_MESSAGE_NOT_FOUND"))


def schedule_id_in_path(schedule_id: str) -> str:
    """A schedule's id. Raises SpellError(SCHEDULE_NOT_FOUND) for what is none."""
    return _named(_SCHEDULE_ID, schedule_id, SpellError("SCHEDULE_NOT_FOUND"))


def ledger_account_in_path(account: str) -> str:
    """A ledger account's id. Raises SpellError(LEDGER_ACCOUNT_NOT_FOUND) for what is none."""
    if not LEDGER_ACCOUNT_ID.fullmatch(account):
        raise SpellError("LEDGER_ACCOUNT_NOT_FOUND")
    return account


def signing_identity_id_in_path(identity_id: str) -> str:
    """A rule's id. Raises SpellError(SIGNING_IDENTITY_NOT_FOUND) for what is none."""
    return _named(_SIGNING_IDENTITY_ID, identity_id, SpellError("SIGNING_IDENTITY_NOT_FOUND"))


SpellKeyDep = Annotated[str, Depends(spell_key_in_path)]
AliasDep = Annotated[str, Depends(alias_in_path)]
VersionDep = Annotated[str, Depends(version_in_path)]
SecretNameDep = Annotated[str, Depends(secret_name_in_path)]
KeyIdDep = Annotated[str, Depends(key_id_in_path)]
ExceptionIdDep = Annotated[str, Depends(exception_id_in_path)]
EndpointIdDep = Annotated[str, Depends(endpoint_id_in_path)]
LedgerAccountDep = Annotated[str, Depends(ledger_account_in_path)]
MessageIdDep = Annotated[str, Depends(message_id_in_path)]
NotificationIdDep = Annotated[str, Depends(notification_id_in_path)]
ScheduleIdDep = Annotated[str, Depends(schedule_id_in_path)]
SigningIdentityIdDep = Annotated[str, Depends(signing_identity_id_in_path)]


def _named(form: TypeAdapter[str], text: str, unknown: SpellError) -> str:
    """A name out of a path, which may hold any character, on its way to the database."""
    try:
        return form.validate_python(text)
    except ValidationError as error:
        raise unknown from error
