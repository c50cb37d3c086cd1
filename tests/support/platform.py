"""The casting half of the platform on a test's own Temporal: real activities, real Postgres."""

import base64
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from nacl.public import PrivateKey, PublicKey, SealedBox
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Interceptor, Worker

from activities.billing import BillingActivities
from activities.casting import CastingActivities
from activities.module_supply import ModuleSupply
from activities.outputs import Outputs
from activities.progress import ProgressNotes
from activities.replaying import ReplayingActivities
from activities.revoking import RevokingActivities
from activities.run_requests import RunRequests
from activities.running import RunningActivities
from activities.verdicts import Verdicts
from infra.artifact_store import EncryptedArtifactStore
from infra.postgres import Database
from infra.repositories.casts import PostgresCasts
from infra.repositories.receipts import PostgresReceipts
from infra.repositories.revocations import PostgresRevocations
from infra.repositories.spell_secrets import PostgresSpellSecrets
from infra.repositories.webhook_deliveries import PostgresWebhookDeliveries
from infra.temporal_casts import TemporalCasts
from infra.temporal_webhooks import PromptWebhooks, TemporalWebhooks
from infra.vault import PlatformVault
from schema.contracts.cast import Admission, AdmitRequest, CancelResult, CastInput, CastResult
from schema.contracts.replay import ReplayInput, ReplayReport
from schema.contracts.revocation import Revocation, RevocationResult
from schema.contracts.run import Outcome, RunRequest, Usage, Verdict
from schema.ids import cast_workflow_id, replay_workflow_id, revocation_workflow_id
from tests.support.builders import USAGE
from tests.support.fakes import AnySchema, KnownVerdicts, MemoryBlobs, ScriptedRunBus
from tests.support.revoking import MemoryRevokedDigests
from workflows.apply_revocation import ApplyRevocation
from workflows.cast_spell import CastSpell
from workflows.replay_cast import ReplayCast

RUNNER_KEY = PrivateKey(b"r" * 32)


def make_vault() -> PlatformVault:
    public = base64.b64encode(bytes(RUNNER_KEY.public_key)).decode()
    return PlatformVault(b"m" * 32, public)


async def admit(handle: WorkflowHandle[Any, Any], request: CastInput) -> Admission:
    """Ask for the decision, as the API does."""
    asked = AdmitRequest(fingerprint=request.fingerprint)
    admission: Admission = await handle.execute_update("admit", asked, result_type=Admission)
    return admission


async def cancel(handle: WorkflowHandle[Any, Any]) -> CancelResult:
    """Cancel, as the API does: every call joins the same update."""
    cancelled: CancelResult = await handle.execute_update(
        "cancel", id="cancel", result_type=CancelResult
    )
    return cancelled


def verdict_for(
    request: RunRequest,
    *,
    outcome: Outcome = Outcome.SUCCEEDED,
    code: str | None = None,
    output: bytes = b'{"ok":true}',
    usage: Usage | None = USAGE,
) -> Verdict:
    """What a runner would answer, sealed to the platform."""
    reply = SealedBox(PublicKey(base64.b64decode(request.reply_public_key)))
    sealed = base64.b64encode(reply.encrypt(output)).decode()
    return Verdict(
        cast_id=request.cast_id,
        outcome=outcome,
        code=code,
        usage=usage,
        sealed_output=sealed if outcome is Outcome.SUCCEEDED else None,
        engine="test/1",
        clock_unix_ms=request.clock_unix_ms,
    )


@dataclass
class CastingPlatform:
    """Everything a cast needs; `bus.script` decides what the runner says."""

    client: Client
    database: Database
    script: Callable[[RunRequest], Verdict | None] = verdict_for
    interceptors: list[Interceptor] = field(default_factory=list)
    queue_seconds: float = 60
    # Its own: what another test left unfinished must not land on this worker.
    task_queue: str = field(default_factory=lambda: f"casts-{uuid.uuid4()}")

    def __post_init__(self) -> None:
        self.bus = ScriptedRunBus(self.script)
        self.blobs = MemoryBlobs()
        self.casts = PostgresCasts(
            self.database, KnownVerdicts(), fee_basis_points=2000, open_casts_max=1000
        )
        vault, checker = make_vault(), AnySchema()
        self.receipts = PostgresReceipts(self.database, vault)
        self.secrets = PostgresSpellSecrets(self.database, vault)
        self.revocations = PostgresRevocations(self.database)
        casting = CastingActivities(self.casts, checker, self.secrets)
        modules = ModuleSupply(self.blobs, self.bus, vault, "wasmtime-1/000000000000")
        verdicts = Verdicts(
            self.casts,
            self.bus,
            RunRequests(self.blobs, self.bus, vault, modules, self.secrets, self.revocations),
            ProgressNotes(self.casts, self.bus, vault),
            queue_seconds=self.queue_seconds,
            grace_seconds=0,
        )
        # Only what it puts is asked of its blobs here.
        artifacts = EncryptedArtifactStore(cast("Any", self.blobs), vault)
        running = RunningActivities(
            self.bus, verdicts, Outputs(self.casts, self.blobs, vault, checker, artifacts)
        )
        deliveries = PostgresWebhookDeliveries(self.database, vault)
        webhooks = PromptWebhooks(
            deliveries, TemporalWebhooks(self.client, f"webhooks-{self.task_queue}")
        )
        billing = BillingActivities(self.casts, self.bus, webhooks)
        self.revoked = MemoryRevokedDigests(self.revocations)
        revoking = RevokingActivities(
            self.revocations, self.revoked, TemporalCasts(self.client), self.casts, self.bus
        )
        replaying = ReplayingActivities(self.receipts, verdicts, self.blobs, vault)
        self.worker = Worker(
            self.client,
            task_queue=self.task_queue,
            workflows=[CastSpell, ReplayCast, ApplyRevocation],
            activities=[
                *(
                    casting.admit,
                    casting.hold_checked,
                    casting.fall_back,
                    running.run,
                    running.stop,
                    billing.settle,
                    billing.release,
                ),
                *(replaying.plan, replaying.run),
                *(revoking.record, revoking.tell_runners, revoking.stop_casts),
            ],
            interceptors=self.interceptors,
        )

    async def start(self, request: CastInput) -> WorkflowHandle[CastSpell, CastResult]:
        return await self.client.start_workflow(
            CastSpell.run,
            request,
            id=cast_workflow_id(request.cast_id),
            task_queue=self.task_queue,
        )

    async def start_replay(self, request: ReplayInput) -> WorkflowHandle[ReplayCast, ReplayReport]:
        return await self.client.start_workflow(
            ReplayCast.run,
            request,
            id=replay_workflow_id(request.cast_id),
            task_queue=self.task_queue,
        )

    async def start_revocation(
        self, revocation: Revocation
    ) -> WorkflowHandle[ApplyRevocation, RevocationResult]:
        trusted = revocation.trusted
        return await self.client.start_workflow(
            ApplyRevocation.run,
            revocation,
            id=revocation_workflow_id(*trusted.model_dump().values(), lift=revocation.lift),
            task_queue=self.task_queue,
        )

    async def apply(self, revocation: Revocation) -> RevocationResult:
        """Revoke or lift, to its end."""
        return await (await self.start_revocation(revocation)).result()
