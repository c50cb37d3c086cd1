"""The roles that routes need played; `api.wiring` builds the adapters."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from schema.contracts.account import ApiKeySummary, BudgetUsage, Caller, Cap
from schema.contracts.advisories import RecordedException
from schema.contracts.artifacts import ArtifactLink, ArtifactView, LinkClaim, LinkOrder
from schema.contracts.bill import BillFamily
from schema.contracts.cast import Admission, CancelResult, CastInput
from schema.contracts.publish import (
    PublicationEventView,
    PublicationView,
    PublishInput,
    PublishResult,
    UploadOrder,
    UploadView,
)
from schema.contracts.receipt import AnyReceipt, ReceiptKeys
from schema.contracts.replay import ReplayInput, ReplayReport
from schema.contracts.revocation import Revocation, RevocationResult, RevocationView
from schema.contracts.signing_identity import SigningIdentity
from schema.contracts.spell_secret import SecretSummary
from schema.contracts.supply_chain import AdvisoryException, IdentityRule
from schema.contracts.suspension import ViolationCounts
from schema.contracts.views import (
    BillView,
    CastView,
    EventView,
    SpellSummary,
    TransferView,
    VersionView,
)
from schema.scopes import Scope


class Accounts(Protocol):
    """Keys, caps and usage of an account."""

    async def authenticate(self, key_text: str) -> tuple[Caller, bytes] | None:
        """The caller behind a key and the account's cast secret; None when it is not live."""

    async def create_key(
        self, account_id: str, name: str, scopes: list[Scope], expires_at: datetime | None
    ) -> tuple[ApiKeySummary, str]:
        """Make a key; the text is shown this once."""

    async def keys(self, account_id: str) -> list[ApiKeySummary]:
        """All keys of the account."""

    async def revoke_key(self, account_id: str, key_id: str) -> None:
        """End a key now."""

    async def set_cap(self, account_id: str, cap: Cap) -> None:
        """Set one of the account's own caps."""

    async def usage(self, account_id: str, api_key_id: str, currency: str) -> list[BudgetUsage]:
        """Every budget that a cast by this key would touch now."""


class Spells(Protocol):
    """The catalogue, as one account sees it."""

    async def summaries(self, account_id: str, *, after: str, limit: int) -> list[SpellSummary]:
        """Spells in the order of their keys, above `after`."""

    async def versions(
        self, account_id: str, key: str, version: str | None = None
    ) -> list[VersionView]:
        """Versions of one spell, newest first."""

    async def set_state(self, account_id: str, key: str, version: str, state: str) -> None:
        """Yank an own version, or bring it back."""


class SpellSecrets(Protocol):
    """Makers' secrets: what is set can be used, never read."""

    async def set(self, account_id: str, spell_key: str, name: str, value: str) -> SecretSummary:
        """Set a secret of an own spell.

        Raises SpellError: SPELL_NOT_FOUND, VALIDATION_ERROR (too many).
        """

    async def summaries(self, account_id: str, spell_key: str) -> list[SecretSummary]:
        """The secrets of an own spell, without values. Raises SpellError: SPELL_NOT_FOUND."""

    async def remove(self, account_id: str, spell_key: str, name: str) -> None:
        """Remove one. Raises SpellError: SPELL_NOT_FOUND, SECRET_NOT_FOUND."""


class AdvisoryExceptions(Protocol):
    """What operators said does not affect; nothing of it is ever changed or deleted."""

    async def add(self, exception: AdvisoryException) -> RecordedException:
        """Record one. Raises SpellError: VALIDATION_ERROR (its end)."""

    async def exceptions(self, *, ended: bool, after: str, limit: int) -> list[RecordedException]:
        """Exceptions in the order of their ids, above `after`."""

    async def remove(self, exception_id: str, removed_by: str) -> RecordedException:
        """End one now. Raises SpellError: EXCEPTION_NOT_FOUND."""


class SigningIdentities(Protocol):
    """Who may sign a maker's packages."""

    async def summaries(self, account_id: str) -> list[SigningIdentity]:
        """All rules of the account."""

    async def allow(
        self, account_id: str, spell_key: str | None, rule: IdentityRule
    ) -> SigningIdentity:
        """Let somebody sign one spell, or all. Raises SpellError: VALIDATION_ERROR (too many)."""

    async def remove(self, account_id: str, identity_id: str) -> None:
        """Take a rule back. Raises SpellError: SIGNING_IDENTITY_NOT_FOUND."""


class Publishing(Protocol):
    """The way of an upload into the catalogue."""

    async def keep_bundle(self, bundle: bytes) -> str:
        """Keep a signature under its digest, which is the answer."""

    async def publish(self, request: PublishInput, archive: bytes) -> None:
        """Keep the archive and start its publication, or join it.

        Raises SpellError: IDEMPOTENCY_CONFLICT, SERVICE_UNAVAILABLE.
        """

    async def result(self, publication_id: str, *, seconds_max: float) -> PublishResult | None:
        """How it ended; None when it still runs after that time."""


class PublicationReads(Protocol):
    """How far publications are."""

    async def publication(self, account_id: str, publication_id: str) -> PublicationView | None:
        """One publication of the account."""

    async def events(
        self, publication_id: str, *, after: int, limit: int = 200
    ) -> list[PublicationEventView]:
        """Events of a publication above a sequence number."""


class Uploads(Protocol):
    """Archives on their way. Each method raises UPLOAD_NOT_FOUND for what is not the account's."""

    async def begin(
        self, account_id: str, upload_id: str, order: UploadOrder, bundle_digest: str | None
    ) -> UploadView:
        """Begin an upload, or find it. Raises IDEMPOTENCY_CONFLICT, TOO_MANY_UPLOADS."""

    async def find(self, account_id: str, upload_id: str) -> tuple[UploadView, str | None]:
        """How far it is, and its signature's digest."""

    async def append(
        self, account_id: str, upload_id: str, offset: int, content: bytes
    ) -> UploadView:
        """Take in what goes on at the offset. Raises UPLOAD_OFFSET_CONFLICT, VALIDATION_ERROR."""

    async def content(self, account_id: str, upload_id: str) -> bytes | None:
        """Everything that arrived; None once it was released."""

    async def release(self, upload_id: str) -> None:
        """Drop what arrived, now that it became a publication."""

    async def remove(self, account_id: str, upload_id: str) -> None:
        """Forget it."""


class SpellAliases(Protocol):
    """Names of versions, and what casters agreed to."""

    async def aliases(self, account_id: str, key: str) -> dict[str, str]:
        """Versions by alias, `latest` first. Raises SPELL_NOT_FOUND."""

    async def set_alias(self, account_id: str, key: str, alias: str, version: str) -> None:
        """Name a version of an own spell. Raises SPELL_NOT_FOUND."""

    async def remove_alias(self, account_id: str, key: str, alias: str) -> None:
        """Take a name back. Raises SPELL_NOT_FOUND, ALIAS_NOT_FOUND."""

    async def consent(self, account_id: str, key: str, version: str) -> None:
        """Agree to a version's terms. Raises SPELL_NOT_FOUND."""


class Revocations(Protocol):
    """The record of what is not trusted any more."""

    async def find(self, revocation_id: int) -> RevocationView | None:
        """One revocation, or None."""

    async def revocations(
        self, *, before: int | None, lifted: bool, limit: int
    ) -> list[RevocationView]:
        """Revocations, newest first; those that were lifted only on request."""


class Revoking(Protocol):
    """The durable process that withdraws trust, or gives it back."""

    async def apply(self, revocation: Revocation, *, seconds_max: float) -> RevocationResult | None:
        """What it did; None when it still goes on after that time.

        Raises SpellError: REVOCATION_NOT_FOUND, SERVICE_UNAVAILABLE.
        """


class Suspensions(Protocol):
    """Spells that take no new casts, and what leads to that."""

    async def suspend(self, key: str, *, reason: str, by: str) -> None:
        """Suspend a spell; one that is suspended stays so. Raises SpellError: SPELL_NOT_FOUND."""

    async def unsuspend(self, key: str, *, by: str) -> None:
        """Lift it, and count violations anew. Raises SpellError: SPELL_NOT_FOUND."""

    async def violations(self, key: str, *, only_of: str | None) -> ViolationCounts:
        """The counts of a spell, of that account or of any. Raises SpellError: SPELL_NOT_FOUND."""


class Casting(Protocol):
    """The durable process of casts."""

    async def admit(self, request: CastInput) -> Admission:
        """Start the cast or join it, and answer with its admission.

        Raises SpellError: IDEMPOTENCY_CONFLICT, SERVICE_UNAVAILABLE.
        """

    async def cancel(self, cast_id: str) -> CancelResult | None:
        """Cancel the cast and answer with how it ended; None when it had ended before."""


class CastReads(Protocol):
    """What is known of casts."""

    async def admission(self, cast_id: str) -> tuple[str, Admission] | None:
        """(fingerprint, admission) that this cast id was answered with."""

    async def cast(self, account_id: str, cast_id: str) -> CastView | None:
        """One cast of the account."""

    async def casts(
        self,
        account_id: str,
        *,
        status: str | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[CastView]:
        """The account's casts, newest first."""

    async def events(self, cast_id: str, *, after: int, limit: int = 200) -> list[EventView]:
        """Events of a cast above a sequence number."""

    async def transfers(self, cast_id: str) -> list[TransferView]:
        """The cast's movements in the ledger."""


class CastFiles(Protocol):
    """What a cast left behind, decrypted for its own account."""

    async def output(self, account_id: str, cast_id: str) -> bytes | None:
        """The output JSON, or None."""

    async def error_stream(self, account_id: str, cast_id: str) -> bytes | None:
        """What the spell wrote to its error stream, or None."""

    def progress(self, account_id: str, sealed_report: str) -> dict[str, Any]:
        """A progress report, as the event of it keeps it."""


class OpenArtifact(Protocol):
    """An artifact that is there to be read."""

    @property
    def view(self) -> ArtifactView:
        """What there is to know of it."""

    def read(self, start: int, end: int) -> AsyncIterator[bytes]:
        """Its content from one byte to before another, piece by piece; at least one piece."""


class Artifacts(Protocol):
    """What casts left, while it is kept."""

    async def output(self, cast: CastView) -> bytes | None:
        """A succeeded cast's output; None when its time is up."""

    def output_expires_at(self, cast: CastView) -> datetime:
        """Until when an ended cast's output is kept."""

    async def of_cast(self, cast: CastView) -> list[ArtifactView]:
        """All of a cast's, its output first."""

    async def open(self, cast: CastView, name: str) -> OpenArtifact:
        """One of them. Raises SpellError: ARTIFACT_NOT_FOUND, ARTIFACT_EXPIRED."""


class ArtifactLinks(Protocol):
    """Links that give an artifact without a key."""

    def make(self, cast_id: str, api_key_id: str, order: LinkOrder) -> ArtifactLink:
        """A link, which dies with this key."""

    async def read(self, token: str) -> LinkClaim:
        """What a token is good for. Raises SpellError: LINK_INVALID, LINK_EXPIRED."""

    async def use(self, claim: LinkClaim) -> None:
        """Use up a one-use link. Raises SpellError(LINK_EXPIRED): somebody did before."""


class SignedReceipts(Protocol):
    """Receipts of casts that have ended, and what checks them."""

    async def receipt(self, account_id: str, cast_id: str) -> AnyReceipt | None:
        """The receipt without its signature; None while there is none."""

    async def envelope(self, account_id: str, cast_id: str) -> bytes | None:
        """The receipt in its signed envelope; None while there is none."""

    def keys(self) -> ReceiptKeys:
        """The public keys that check receipts."""


class Replaying(Protocol):
    """The durable process that runs a cast again."""

    async def replay(self, request: ReplayInput, *, seconds_max: float) -> ReplayReport | None:
        """The report on the cast's replay; None when it still runs after that time.

        Raises SpellError: what the replay failed with, or SERVICE_UNAVAILABLE.
        """


class PublishedModules(Protocol):
    """Modules, for who published them."""

    async def own_module(self, account_id: str, key: str, version: str) -> bytes | None:
        """The module of an own version; None for what is another maker's or not there."""


class PublishedBills(Protocol):
    """Bills of materials of versions, for who may see them."""

    async def bill(
        self, account_id: str, key: str, version: str, family: BillFamily | None
    ) -> BillView | None:
        """The bill as published (None) or in a family; None for what is not there to see.

        Raises SpellError: SBOM_NOT_FOUND, SBOM_NOT_CONVERTIBLE.
        """


class Follower(Protocol):
    """One who follows a cast or a publication, and is woken when its events may have grown."""

    seen: int | None
    """Number of the last event that it has; kept up to date by whoever follows."""
    ended: bool
    """It follows no more."""

    async def wait(self, timeout_seconds: float) -> bool:
        """True when there may be more or it follows no more, False when the time is up."""

    def end(self) -> None:
        """Follow no more."""


class EventFeed(Protocol):
    """Follows casts and publications."""

    def follow(
        self, subject_id: str, *, seen: int | None = None
    ) -> AbstractContextManager[Follower]:
        """Listen while the context is open; nothing that happens inside it is missed.

        With `seen`, also when the bus loses a hint.
        """


class Health(Protocol):
    """Whether the parts that the API needs answer."""

    async def check(self) -> dict[str, str]:
        """`ok`, or why not, by part."""


class PayloadDecoder(Protocol):
    """Decrypts what the Temporal UI shows to operators."""

    async def decode(self, payloads_json: bytes, only_owner: str | None) -> bytes:
        """Temporal's `Payloads` as JSON, in and out; of one account, or of all with None.

        Raises SpellError: VALIDATION_ERROR, FORBIDDEN.
        """
