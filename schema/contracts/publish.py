"""Publishing a package, as messages."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from schema.contracts.base import Contract
from schema.contracts.plans import ActionsTarget, CloneOffer, Mode
from schema.contracts.problem import Problem
from schema.contracts.run import RunLimits, RunPolicy, Target
from schema.contracts.supply_chain import CheckOutcome, Decision, Signer
from schema.ids import AccountId, Digest, PublicationId, SpellKey, UploadId, Version
from schema.limits import PACKAGE_BYTES_MAX, SIGNATURE_BYTES_MAX
from schema.pricing import Price


class VersionState(StrEnum):
    """What may be done with a published version."""

    PUBLISHED = "published"
    YANKED = "yanked"
    SUSPENDED = "suspended"
    DELISTED = "delisted"
    """An advisory on it was not mended in time."""


class ModuleFacts(Contract):
    """What the inspection of a WebAssembly module found, in a process of its own."""

    imports: list[str]
    """`module.name` of every import, sorted."""
    exports: list[str]
    memory_bytes_min: int


class PublishInput(Contract):
    """Start input of `PublishSpell`: an uploaded archive and its signature, by their digests."""

    publication_id: PublicationId
    account_id: AccountId
    package_digest: Digest
    package_bytes: int
    bundle_digest: Digest | None = None
    """Of the Sigstore bundle that came with it; None when it is unsigned."""


class OpenedPackage(Contract):
    """What an archive says that it is, once its form and manifest are right."""

    spell_key: SpellKey
    version: Version
    actions: ActionsTarget | None = None
    clone: CloneOffer | None = None


class InspectedPackage(Contract):
    """What an archive turned out to be, once every check of its form has passed."""

    spell_key: SpellKey
    version: Version
    package_digest: Digest
    module_digest: Digest | None = None
    """None, as all that is said of the module, when mode service is not offered."""
    module_bytes: int | None = None
    mode: Mode
    """The first choice."""
    modes: tuple[Mode, ...] = (Mode.SERVICE,)
    """All that are offered, the first choice before the others."""
    fallback: Mode | None = None
    visibility: str
    target: Target = Target.CORE
    entry: str | None = None
    limits: RunLimits | None = None
    policy: RunPolicy = RunPolicy()
    actions: ActionsTarget | None = None
    clone: CloneOffer | None = None
    price: Price
    """Of a cast; of the copy, when clone is all that is offered."""
    manifest: dict[str, Any]
    schemas_json: str | None
    """The text of schema.json, as packaged; None when clone is all that is offered."""
    module: ModuleFacts | None = None

    @property
    def in_service(self) -> bool:
        """Whether the runner fleet runs it."""
        return Mode.SERVICE in self.modes

    def with_repository(self, repository_id: int | None) -> "InspectedPackage":
        """The same, with the repository of its GitHub Actions workflow known for good."""
        if self.actions is None:
            return self
        actions = self.actions.model_copy(update={"repository_id": repository_id})
        return self.model_copy(update={"actions": actions})


class StandingOrder(Contract):
    """Argument of the step that asks what the moment says against a package."""

    request: PublishInput
    signer: Signer | None = None


class DecideOrder(Contract):
    """Argument of the step that makes one verdict of what the checks found."""

    request: PublishInput
    outcomes: list[CheckOutcome]


class RecordOrder(Contract):
    """Argument of the step that makes a package that passed a version."""

    request: PublishInput
    package: InspectedPackage
    decision: Decision


class PublishResult(Contract):
    """A published version, or why there is none."""

    package_digest: Digest
    publication_id: PublicationId | None = None
    spell_key: SpellKey | None = None
    version: Version | None = None
    created: bool = False
    """False when this very package was published before."""
    decision: Decision | None = None
    """With every reason, also of what passed; None when the package's form was wrong."""
    problem: Problem | None = None


class ConcludeOrder(Contract):
    """Argument of the last step, which tells everybody how the publication ended."""

    request: PublishInput
    result: PublishResult


class PublicationState(StrEnum):
    """Where a publication is; the last two are final."""

    RUNNING = "running"
    PUBLISHED = "published"
    REFUSED = "refused"


class PublishStep(StrEnum):
    """The steps of a publication, in their order."""

    OPEN = "open"
    SIGNATURE = "signature"
    SBOM = "sbom"
    ADVISORIES = "advisories"
    LICENSES = "licenses"
    STANDING = "standing"
    REPOSITORIES = "repositories"
    MODULE = "module"
    RECORD = "record"


class PublicationEventKind(StrEnum):
    """Kinds of events in a publication's stream."""

    STEP_STARTED = "step_started"
    STEP_ENDED = "step_ended"
    PUBLISHED = "published"
    REFUSED = "refused"


class PublicationView(Contract):
    """One publication as its maker sees it."""

    publication_id: PublicationId
    state: PublicationState
    step: PublishStep | None = None
    """The last one that was started."""
    package_digest: Digest
    package_bytes: int
    signed: bool
    result: PublishResult | None = None
    """None while it runs."""
    created_at: datetime
    finished_at: datetime | None = None


class PublicationEventView(Contract):
    """One event of a publication's stream; `seq` counts up from 1 without gaps."""

    seq: int
    kind: PublicationEventKind
    step: PublishStep | None = None
    data: dict[str, Any]
    created_at: datetime


class UploadOrder(Contract):
    """Body of `POST /v1/uploads`: what is going to be sent."""

    package_digest: Digest
    package_bytes: Annotated[int, Field(ge=1, le=PACKAGE_BYTES_MAX)]
    signature: Annotated[str, Field(min_length=1, max_length=SIGNATURE_BYTES_MAX)] | None = None
    """The text of SIGNATURE.sigstore."""


class UploadView(Contract):
    """How far an upload is."""

    upload_id: UploadId
    package_digest: Digest
    package_bytes: int
    offset: int
    """Bytes that arrived: go on there."""
    expires_at: datetime
    publication_id: PublicationId | None = None
    """Once every byte is there: what the upload became."""
