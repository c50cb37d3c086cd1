"""Service mode: have the runner fleet run a plan, and keep what comes of it."""

import asyncio
import time
from collections import OrderedDict
from typing import Any

from temporalio import activity

from activities._environment import sealed_environment
from activities._failures import to_failure
from activities._records import record_of, salt_of, seed_of
from activities._resources import bring_resources
from activities.lanes import Lanes
from activities.module_supply import ModuleSupply
from activities.ports import (
    BlobStore,
    CastStore,
    RunBus,
    RunSignals,
    SchemaChecker,
    SpellSecrets,
    Vault,
)
from activities.progress import ProgressNotes
from schema import limits
from schema.blob_keys import error_stream_key, output_key
from schema.canonical import JsonRefusedError, parse_json
from schema.contracts.cast import RunOrder, RunOutcome, RunPlan, StopOrder
from schema.contracts.problem import Problem
from schema.contracts.run import Outcome, RunRequest, Verdict
from schema.errors import SpellError
from schema.ids import account_of_cast
from schema.names import STARTED_HINT, STOP_HINT, VERDICT_HINT

# How long to wait for a hint before looking at the stream itself; also the heartbeat's pace.
POLL_SECONDS = 2.0
# A run that is over sooner is not worth a transaction for its start alone.
BRIEF_RUN_SECONDS = 0.05
# A run that is on the queue so soon has waited for nothing that somebody would have to be told.
BRIEF_WAIT_SECONDS = 0.1
_WAITING, _PUBLISHED = "waiting", "published"
_SCHEMAS_KEPT_MAX = 256


class RunningActivities:
    """Runs plans on the fleet. The runner's verdict is the truth; hints only shorten the wait.

    Args:
        casts: where starts and outputs are recorded.
        bus: the way to the runners.
        blobs: where outputs go.
        vault: seals inputs, opens outputs, encrypts what is kept.
        checker: judges outputs.
        modules: brings modules and their code to the runners.
        secrets: what spells' environments are made of.
        queue_seconds: how long a run may wait for a runner.
        grace_seconds: how long after the guest's own deadline its verdict may arrive.
    """

    def __init__(
        self,
        casts: CastStore,
        bus: RunBus,
        blobs: BlobStore,
        vault: Vault,
        checker: SchemaChecker,
        modules: ModuleSupply,
        secrets: SpellSecrets,
        *,
        queue_seconds: float = limits.QUEUE_SECONDS_MAX,
        grace_seconds: float = limits.VERDICT_GRACE_SECONDS,
    ) -> None:
        self._casts = casts
        self._bus = bus
        self._blobs = blobs
        self._vault = vault
        self._checker = checker
        self._modules = modules
        self._secrets = secrets
        self._progress = ProgressNotes(casts, bus, vault)
        self._queue_seconds = queue_seconds
        self._grace_seconds = grace_seconds
        self._lanes = Lanes(bus.publish_run)
        self._schemas: OrderedDict[str, bytes] = OrderedDict()

    @activity.defn(name="running.run")
    async def run(self, order: RunOrder) -> RunOutcome:
        """Have the plan run once, check its output and keep it.

        Effect: a run on the bus, as soon as the caster's lane has room for it; one accepted
            verdict; output and error stream in object storage.
        Same twice: an accepted verdict is taken as it is; a published run is waited for, not
            published again (heartbeat details, then the dedupe window, then the runner's own look
            at the verdict stream).
        Gives up on: nothing by itself; the deadline offers a QUEUE_TIMEOUT verdict.
        Heartbeat: every two seconds, with how far the run is on its way.
        """
        try:
            verdict = await self.verdict_on(order)
            activity.heartbeat(_PUBLISHED)
            return await self._keep(order, verdict)
        except SpellError as error:
            raise to_failure(error) from error

    @activity.defn(name="running.stop")
    async def stop(self, order: StopOrder) -> None:
        """Make sure that the run has ended or will never begin.

        Effect: a verdict is on the stream: the runner's, with usage so far, or ours without.
        Same twice: the first verdict stays.
        Gives up on: nothing.
        Heartbeat: none; ends within seconds.
        """
        async with self._bus.watch(order.cast_id) as signals:
            if await self._bus.verdict_of(order.cast_id) is not None:
                return
            await self._bus.request_stop(order.cast_id)
            deadline = time.monotonic() + limits.STOP_GRACE.total_seconds()
            while (left := deadline - time.monotonic()) > 0:
                if await signals.wait(left) == VERDICT_HINT:
                    return
        await self._bus.offer_verdict(_cancelled(order.cast_id))
        # A runner may have taken the run since; from now on none does.
        await self._bus.request_stop(order.cast_id)

    async def verdict_on(self, order: RunOrder) -> Verdict:
        """The one accepted verdict on a run, published if it is not on its way already.

        To be called within an activity: it heartbeats, and counts from when that was scheduled.
        """
        cast_id, plan = order.cast_id, order.plan
        queue_left = self._queue_seconds - _seconds_since_scheduled()
        queue_ends_at = time.monotonic() + queue_left
        ends_at = queue_ends_at + plan.limits.timeout_ms / 1000 + self._grace_seconds
        async with self._bus.watch(cast_id) as signals:
            verdict = await self._bus.verdict_of(cast_id)
            if verdict is None and _PUBLISHED not in activity.info().heartbeat_details:
                verdict = await self._enter_queue(order, signals, queue_ends_at)
            activity.heartbeat(_PUBLISHED)
            while verdict is None:
                await self._note_hint(cast_id, signals)
                activity.heartbeat(_PUBLISHED)
                verdict = await self._bus.verdict_of(cast_id)
                if verdict is None and time.monotonic() > ends_at:
                    verdict = await self._bus.offer_verdict(_gave_up(cast_id))
        return verdict

    async def _enter_queue(
        self, order: RunOrder, signals: RunSignals, ends_at: float
    ) -> Verdict | None:
        """Put the run on the queue; or the verdict of one that is stopped or late before that."""
        left = ends_at - time.monotonic()
        if left <= 0:
            return await self._bus.offer_verdict(_gave_up(order.cast_id))
        entering = asyncio.create_task(self._publish(order, int(time.time() + left)))
        try:
            await asyncio.wait({entering}, timeout=BRIEF_WAIT_SECONDS)
            while not entering.done():
                activity.heartbeat(_WAITING)
                hint = await _next_hint(signals, entering)
                verdict = await self._end_of_waiting(order.cast_id, hint, ends_at)
                if verdict is not None:
                    return verdict
            await entering
        finally:
            entering.cancel()
        return None

    async def _end_of_waiting(
        self, cast_id: str, hint: str | None, ends_at: float
    ) -> Verdict | None:
        """The verdict that ends a run before it was on the queue, if it is to end."""
        if hint == STARTED_HINT:
            await self._mark_started(cast_id)
        if hint == STOP_HINT:
            return await self._bus.offer_verdict(_cancelled(cast_id))
        if time.monotonic() > ends_at:
            return await self._bus.offer_verdict(_gave_up(cast_id))
        return await self._bus.verdict_of(cast_id)

    async def _publish(self, order: RunOrder, expires_at_unix: int) -> None:
        plan = order.plan
        await self._modules.bring(plan.module_digest)
        await bring_resources(self._blobs, self._bus, plan.policy)
        environment = await sealed_environment(self._secrets, self._vault, plan)
        await self._lanes.enter(
            order.cast_id,
            plan.module_digest,
            lambda: self._request(order, environment, expires_at_unix),
        )

    def _request(
        self, order: RunOrder, environment: str | None, expires_at_unix: int
    ) -> RunRequest:
        plan = order.plan
        return RunRequest(
            cast_id=order.cast_id,
            module_digest=plan.module_digest,
            target=plan.target,
            entry=plan.entry,
            limits=plan.limits,
            policy=plan.policy,
            seed=order.seed or seed_of(self._vault, order.cast_id),
            clock_unix_ms=_clock_of(order),
            sealed_inputs=self._vault.seal_to_runners(order.inputs_json.encode("utf-8")),
            sealed_environment=environment,
            reply_public_key=self._vault.reply_public_key,
            expires_at_unix=expires_at_unix,
        )

    async def _note_hint(self, cast_id: str, signals: RunSignals) -> None:
        """Wait for the next hint: starts and progress are recorded, the others just return.

        Most runs end within milliseconds: their start is recorded with their end, by settlement.
        """
        hint = await signals.wait(POLL_SECONDS)
        if hint == STARTED_HINT:
            hint = await signals.wait(BRIEF_RUN_SECONDS)
            if hint == VERDICT_HINT:
                return
            await self._mark_started(cast_id)
        if hint is not None:
            await self._progress.note(cast_id, hint)

    async def _mark_started(self, cast_id: str) -> None:
        await self._casts.mark_running(cast_id)
        await self._bus.announce_event(cast_id)

    async def _keep(self, order: RunOrder, verdict: Verdict) -> RunOutcome:
        """Check the output against the spell's schema and store what there is to keep."""
        cast_id, owner = order.cast_id, account_of_cast(order.cast_id)
        output = self._vault.open_reply(verdict.sealed_output) if verdict.sealed_output else b""
        outcome = await self._judge(order.plan, verdict, output)
        seed, salt = seed_of(self._vault, cast_id), salt_of(self._vault, cast_id)
        kept: dict[str, Any] = {"record": record_of(order, verdict, output, seed=seed, salt=salt)}
        if outcome.outcome is Outcome.SUCCEEDED:
            kept["output_key"] = output_key(cast_id)
            await self._blobs.put(kept["output_key"], self._vault.encrypt(owner, output))
        if verdict.sealed_stderr:
            kept["stderr_key"] = error_stream_key(cast_id)
            stderr = self._vault.open_reply(verdict.sealed_stderr)
            await self._blobs.put(kept["stderr_key"], self._vault.encrypt(owner, stderr))
        return outcome.model_copy(update=kept)

    async def _judge(self, plan: RunPlan, verdict: Verdict, output: bytes) -> RunOutcome:
        if verdict.outcome is not Outcome.SUCCEEDED:
            error = SpellError(verdict.code or "INTERNAL", details=verdict.details)
            return _outcome(verdict, verdict.outcome, Problem.of(error), len(output))
        errors = await self._output_errors(plan, output)
        if errors:
            error = SpellError("OUTPUT_INVALID", details={"errors": errors})
            return _outcome(verdict, Outcome.FAILED, Problem.of(error), len(output))
        return _outcome(verdict, Outcome.SUCCEEDED, None, len(output))

    async def _output_errors(self, plan: RunPlan, output: bytes) -> list[dict[str, Any]]:
        try:
            parse_json(output)
        except JsonRefusedError as error:
            return [{"path": "", "message": f"the output is {error}"}]
        try:
            schemas = await self._schemas_of(plan)
            violations = await self._checker.violations(schemas, "output", output)
        except SpellError as error:
            if error.code != "VALIDATION_ERROR":
                raise
            return [{"path": "", "message": error.message}]
        return [{"path": v.path, "message": v.message} for v in violations]

    async def _schemas_of(self, plan: RunPlan) -> bytes:
        """schema.json by package digest: immutable, so a small memory of the last ones is safe."""
        if plan.package_digest not in self._schemas:
            self._schemas[plan.package_digest] = await self._casts.schemas_of(plan)
            if len(self._schemas) > _SCHEMAS_KEPT_MAX:
                self._schemas.popitem(last=False)
        return self._schemas[plan.package_digest]


def _seconds_since_scheduled() -> float:
    """How long ago the run was first scheduled, by Temporal's clock on both ends: not by ours."""
    info = activity.info()
    return (info.started_time - info.scheduled_time).total_seconds()


def _clock_of(order: RunOrder) -> int:
    """What the run's clock starts at, in Unix milliseconds: the same on every attempt."""
    if order.clock_unix_ms is not None:
        return order.clock_unix_ms
    return int(activity.info().scheduled_time.timestamp() * 1000)


def _outcome(
    verdict: Verdict, outcome: Outcome, problem: Problem | None, output_bytes: int
) -> RunOutcome:
    return RunOutcome(
        outcome=outcome,
        problem=problem,
        usage=verdict.usage,
        output_bytes=output_bytes,
        engine=verdict.engine,
        violations=verdict.violations,
        stages=verdict.stages,
    )


async def _next_hint(signals: RunSignals, entering: asyncio.Task[None]) -> str | None:
    """The next hint, unless the run enters the queue before it."""
    hint = asyncio.create_task(signals.wait(POLL_SECONDS))
    await asyncio.wait({hint, entering}, return_when=asyncio.FIRST_COMPLETED)
    if hint.done():
        return hint.result()
    hint.cancel()
    return None


def _cancelled(cast_id: str) -> Verdict:
    return Verdict(cast_id=cast_id, outcome=Outcome.CANCELLED, code="CAST_CANCELLED", usage=None)


def _gave_up(cast_id: str) -> Verdict:
    return Verdict(cast_id=cast_id, outcome=Outcome.LOST, code="QUEUE_TIMEOUT", usage=None)
