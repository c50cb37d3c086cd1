"""The roles that activities need played. Adapters in `infra/` fit them structurally.

Each port has one contract suite in `tests/contracts/`, run on every implementation.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from schema.compiled_code import CompiledCode
from schema.contracts.cast import (
    Admission,
    CastInput,
    CastResult,
    FallBackOrder,
    PlannedCast,
    ReleaseOrder,
    SettleOrder,
)
from schema.contracts.plans import CastPlan, RunPlan
from schema.contracts.publish import (
    InspectedPackage,
    ModuleFacts,
    PublicationEventKind,
    PublishResult,
    PublishStep,
)
from schema.contracts.receipt import AnyReceipt
from schema.contracts.run import RunRequest, Verdict
from schema.contracts.supply_chain import Decision, PackageEvidence


class BlobStore(Protocol):
    """Immutable bytes under a key. Writing the same key again replaces it as a whole."""

    async def put(self, key: str, content: bytes) -> None:
        """Store the bytes; readers see all of them or none."""

    async def get(self, key: str) -> bytes | None:
        """The bytes, or None when there are none."""

    async def delete(self, key: str) -> None:
        """Remove the key; nothing happens when it is not there."""


class Vault(Protocol):
    """Encryption of bytes at rest and on the bus, derivation, signatures. Keys never leave it."""

    def encrypt(self, owner: str, content: bytes) -> bytes:
        """Authenticated encryption under the key of the owner (an account or workflow id)."""

    def decrypt(self, owner: str, content: bytes) -> bytes:
        """The bytes again. Raises ValueError when key or content is not the right one."""

    def seal_to_runners(self, content: bytes) -> str:
        """Base64 sealed box that only the runner fleet opens."""

    def open_reply(self, sealed: str) -> bytes:
        """What a runner sealed to `reply_public_key`. Raises ValueError when it does not open."""

    @property
    def reply_public_key(self) -> str:
        """Base64 X25519 key that runners seal their replies to."""

    def derive(self, owner: str, purpose: str, length: int) -> bytes:
        """At most 32 bytes that only this platform can make, the same each time."""

    def sign(self, purpose: str, content: bytes) -> bytes:
        """Ed25519 signature by the platform's key for this purpose; same content, same bytes."""

    def public_key(self, purpose: str) -> bytes:
        """The 32 bytes that whoever checks `sign` for this purpose needs."""


class RunSignals(Protocol):
    """Wake-ups about one cast: hints that something changed, never the change itself."""

    async def wait(self, timeout_seconds: float) -> str | None:
        """The next hint (see `schema.names.signal_subject`), or None when the time is up."""


class RunBus(Protocol):
    """The platform's side of the way to the runners."""

    async def ensure_object(self, digest: str, load: Callable[[], Awaitable[bytes]]) -> None:
        """Make a module or resources fetchable by runners; `load` is called only when needed."""

    async def ensure_code(
        self, engine: str, digest: str, load: Callable[[], Awaitable[bytes | None]]
    ) -> None:
        """Make the module's signed code fetchable by runners, if `load` finds any."""

    async def publish_run(self, request: RunRequest) -> bool:
        """Put the run on the work queue; the same cast again soon after is dropped.

        False when the caster's lane (its runs of this module) is full: try again in a moment.

        Raises SpellError: SERVICE_UNAVAILABLE, the queue as a whole is full, or away.
        """

    def watch(self, cast_id: str) -> AbstractAsyncContextManager[RunSignals]:
        """Listen for hints about the cast while the context is open."""

    async def verdict_of(self, cast_id: str) -> Verdict | None:
        """The accepted verdict, or None while there is none."""

    async def offer_verdict(self, verdict: Verdict) -> Verdict:
        """Offer a verdict; the answer is the accepted one: this, or whichever came first."""

    async def request_stop(self, cast_id: str) -> None:
        """Tell whichever runner holds this cast to stop it now."""

    async def announce_event(self, cast_id: str) -> None:
        """Wake those who follow the cast's events."""


class Violation(Protocol):
    """One place where a value breaks a schema."""

    @property
    def path(self) -> str:
        """JSON Pointer into the value; empty for the whole."""

    @property
    def message(self) -> str:
        """What is wrong there."""


class SchemaChecker(Protocol):
    """JSON Schema 2020-12 on untrusted schemas and values, in processes that can be killed."""

    async def check_schemas(self, schema_json: bytes) -> None:
        """Check a package's schema.json. Raises SpellError(SCHEMA_INVALID)."""

    async def violations(
        self, schema_json: bytes, side: str, value_json: bytes
    ) -> Sequence[Violation]:
        """Where the value breaks the `input` or `output` schema; at most ten places.

        Raises SpellError(VALIDATION_ERROR) when the check takes longer than its time limit.
        """


class ModuleInspector(Protocol):
    """Validation and compilation of a WebAssembly module in a limited process of its own."""

    async def inspect(
        self, module: bytes, entry: str, memory_bytes_max: int
    ) -> tuple[ModuleFacts, CompiledCode]:
        """What the module imports and exports, and what the engine made of it.

        Raises SpellError(MODULE_INVALID).
        """


class CastStore(Protocol):
    """Casts, holds, budgets and the ledger: every method is one transaction, safe to repeat."""

    async def find_plan(self, request: CastInput) -> tuple[PlannedCast, bytes]:
        """What the version to cast runs, in which mode, and its schema.json.

        Raises SpellError: SPELL_NOT_FOUND, SPELL_YANKED, SPELL_REVOKED, SPELL_SUSPENDED,
            SPELL_DELISTED, SPELL_UNVERIFIED, CONSENT_REQUIRED, VALIDATION_ERROR (the mode is not
            offered), MODE_FORBIDDEN, MODE_UNAVAILABLE.
        """

    async def schemas_of(self, plan: CastPlan) -> bytes:
        """The schema.json of the planned version."""

    async def hold(self, request: CastInput, planned: PlannedCast) -> Admission:
        """Hold the worst-case cost under every cap and record the cast, or record the refusal."""

    async def refuse(self, request: CastInput, admission: Admission) -> Admission:
        """Record a refusal that needs no money; the recorded admission wins when there is one."""

    async def fall_back(self, order: FallBackOrder) -> bool:
        """Change the mode of a cast that has not begun; False when it has, so it keeps its mode."""

    async def mark_running(self, cast_id: str) -> None:
        """Record that a runner started the cast."""

    async def note_progress(self, cast_id: str, sealed_report: str) -> None:
        """Keep a progress report of a running cast, encrypted for its account, as an event."""

    async def settle(self, order: SettleOrder) -> CastResult:
        """Post the exact cost, void the rest, keep what came of the run, end the cast.

        A settled one answers as it is. When what it ran is revoked, the whole hold is voided; when
        its violations are too many, its spell is suspended.
        """

    async def release(self, order: ReleaseOrder) -> CastResult:
        """Void the hold and end the cast uncharged; without a hold, make sure none can follow."""


class Receipts(Protocol):
    """What ran, of casts that have ended."""

    async def receipt(self, account_id: str, cast_id: str) -> AnyReceipt | None:
        """The receipt of an account's cast; None while it has not ended, or when nothing ran."""

    async def plan(self, account_id: str, cast_id: str) -> RunPlan | None:
        """What the fleet was to run, at once or as a fallback; None when it was not to."""


class SpellStore(Protocol):
    """Published spells and their versions."""

    async def record_version(
        self, evidence: PackageEvidence, package: InspectedPackage, decision: Decision
    ) -> PublishResult:
        """Record evidence, decision and version, claiming the key for a new spell.

        Raises SpellError: VERSION_EXISTS, FORBIDDEN (the key is another maker's),
            SPELL_UNVERIFIED (another signer was pinned meanwhile).
        """


class Publications(Protocol):
    """How far publications are, and how they ended."""

    async def note_step(
        self,
        publication_id: str,
        kind: PublicationEventKind,
        step: PublishStep,
        data: dict[str, Any],
    ) -> None:
        """Append the event of a step, unless it is there already."""

    async def conclude(self, publication_id: str, result: PublishResult) -> None:
        """End the publication; the first end stays. A refusal is also written into the log."""


class SpellSecrets(Protocol):
    """Makers' secrets, by spell and name."""

    async def missing(self, spell_key: str, names: Sequence[str]) -> list[str]:
        """Which of the names are not set."""

    async def values(self, spell_key: str, names: Sequence[str]) -> dict[str, str]:
        """The values of these names, in clear; those that are not set are left out.

        They go nowhere but into a box that only the runner fleet opens.
        """


class OpenHolds(Protocol):
    """Holds that nobody has closed yet."""

    async def open_holds(
        self, *, older_than_seconds: int, skip: int, limit: int
    ) -> list[ReleaseOrder]:
        """Open holds, oldest first, as orders to release them; without the first `skip`."""

    async def release(self, order: ReleaseOrder) -> CastResult:
        """Void the hold and end the cast uncharged; a closed hold stays as it is."""


class WorkflowStates(Protocol):
    """Whether workflows still run."""

    async def is_open(self, workflow_id: str) -> bool:
        """False once the workflow is closed, however it ended, or long gone."""


class OpenPublications(Protocol):
    """Publications that have not ended."""

    async def open_publications(
        self, *, older_than_seconds: int, skip: int, limit: int
    ) -> list[PublishResult]:
        """How those that run would end if their workflow is gone, oldest first; without `skip`."""

    async def conclude(self, publication_id: str, result: PublishResult) -> None:
        """End the publication; the first end stays."""


class ExpiredUploads(Protocol):
    """Uploads that are past their time."""

    async def purge(self) -> int:
        """Drop a few of them, chunks first; how many it were."""
