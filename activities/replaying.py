"""Replay on the platform: run again what a receipt says ran, and compare."""

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities._failures import to_failure
from activities.ports import BlobStore, Receipts, Vault
from activities.verdicts import Verdicts
from schema.blob_keys import replay_key
from schema.contracts.cast import RunOrder
from schema.contracts.problem import Problem
from schema.contracts.receipt import AnyReceipt, Receipt
from schema.contracts.replay import Replayed, ReplayInput, ReplayPlan, ReplayReport
from schema.contracts.run import Verdict
from schema.errors import SpellError
from schema.ids import account_of_cast, replay_run_id
from schema.packaging.artifact_archive import read_artifacts
from schema.receipt_checks import ENDED_BY_THE_MACHINE, input_check, replay_checks, replay_refusal
from schema.receipts import artifact_digests, salted_digest
from schema.settlement import status_of


class ReplayingActivities:
    """Replays casts: uncharged, and so never anything but what was paid for once.

    Args:
        receipts: what ran.
        verdicts: brings about how the run ends.
        blobs: where reports go.
        vault: derives ids of runs, opens outputs, encrypts reports.
    """

    def __init__(
        self, receipts: Receipts, verdicts: Verdicts, blobs: BlobStore, vault: Vault
    ) -> None:
        self._receipts = receipts
        self._verdicts = verdicts
        self._blobs = blobs
        self._vault = vault

    @activity.defn(name="replaying.plan")
    async def plan(self, request: ReplayInput) -> ReplayPlan:
        """Check that this cast can be replayed and that these are its inputs; plan the run.

        Effect: none.
        Same twice: the same plan, with the same id for the run.
        Gives up on: RECEIPT_NOT_FOUND, NOT_REPLAYABLE, VALIDATION_ERROR (other inputs).
        Heartbeat: none; two short reads.
        """
        try:
            return await self._plan(request)
        except SpellError as error:
            raise to_failure(error) from error

    @activity.defn(name="replaying.run")
    async def run(self, plan: ReplayPlan) -> ReplayReport:
        """Have it run on the fleet, compare with the receipt, and keep the report.

        Effect: a run on the bus under an id of its own, its verdict, a report in object storage.
        Same twice: an accepted verdict is taken as it is; the report is the same.
        Gives up on: SPELL_REVOKED; SERVICE_UNAVAILABLE, a clock or a fault ended it, and another
            workflow may try.
        Heartbeat: as in `running.run`.
        """
        try:
            return await self._run(plan)
        except SpellError as error:
            raise to_failure(error) from error

    async def _plan(self, request: ReplayInput) -> ReplayPlan:
        receipt = _replayable(await self._receipt_of(request.cast_id))
        if not input_check(receipt, request.inputs_json.encode("utf-8")).passed:
            raise SpellError("VALIDATION_ERROR", "The inputs are not those of the cast.")
        plan = await self._receipts.plan(account_of_cast(request.cast_id), request.cast_id)
        assert plan is not None, "only what was admitted has a receipt"
        purpose = f"replay {activity.info().workflow_run_id}"
        return ReplayPlan(
            cast_id=request.cast_id,
            run_id=replay_run_id(request.cast_id, self._vault.derive(request.cast_id, purpose, 17)),
            plan=plan,
            inputs_json=request.inputs_json,
            seed=receipt.run.seed,
            clock_unix_ms=receipt.run.clock_unix_ms,
        )

    async def _run(self, plan: ReplayPlan) -> ReplayReport:
        receipt = _replayable(await self._receipt_of(plan.cast_id))
        verdict = await self._verdicts.on(
            RunOrder(
                cast_id=plan.run_id,
                plan=plan.plan,
                inputs_json=plan.inputs_json,
                seed=plan.seed,
                clock_unix_ms=plan.clock_unix_ms,
            )
        )
        if verdict.code == "SPELL_REVOKED":
            raise SpellError("SPELL_REVOKED", details=verdict.details)
        if verdict.code in ENDED_BY_THE_MACHINE:
            raise _proves_nothing(verdict)
        checks = replay_checks(receipt, self._replayed(receipt, verdict))
        matches = all(check.passed for check in checks)
        report = ReplayReport(cast_id=plan.cast_id, matches=matches, checks=checks)
        await self._keep(report)
        return report

    def _replayed(self, receipt: Receipt, verdict: Verdict) -> Replayed:
        salt, digest = receipt.run.salt, None
        if verdict.sealed_output:
            digest = salted_digest(salt, self._vault.open_reply(verdict.sealed_output))
        sealed = verdict.sealed_artifacts
        archive = self._vault.open_reply(sealed) if sealed else b""
        artifacts = read_artifacts(archive, receipt.run.limits.artifacts_bytes_max)
        return Replayed(
            engine=verdict.engine,
            status=status_of(verdict.outcome),
            code=verdict.code,
            usage=verdict.usage,
            output_digest=digest,
            artifacts=artifact_digests(salt, artifacts),
        )

    async def _keep(self, report: ReplayReport) -> None:
        owner = account_of_cast(report.cast_id)
        content = self._vault.encrypt(owner, report.model_dump_json().encode("utf-8"))
        await self._blobs.put(replay_key(report.cast_id), content)

    async def _receipt_of(self, cast_id: str) -> AnyReceipt:
        receipt = await self._receipts.receipt(account_of_cast(cast_id), cast_id)
        if receipt is None:
            raise SpellError("RECEIPT_NOT_FOUND", details={"cast_id": cast_id})
        return receipt


def _replayable(receipt: AnyReceipt) -> Receipt:
    """The receipt, if a replay would prove something. Raises SpellError: NOT_REPLAYABLE."""
    refusal = replay_refusal(receipt)
    if refusal is not None:
        raise SpellError("NOT_REPLAYABLE", details={"reason": refusal})
    assert isinstance(receipt, Receipt), "those of other modes are refused"
    return receipt


def _proves_nothing(verdict: Verdict) -> ApplicationError:
    """The failure of a replay that the guest did not end: its verdict stays, so no retry here."""
    error = SpellError(
        "SERVICE_UNAVAILABLE",
        "The replay did not come to its end: a clock stopped it, or its runner was lost.",
        details={"code": verdict.code},
        retry_after=5,
    )
    problem = Problem.of(error).model_dump(mode="json")
    return ApplicationError(error.message, problem, type=error.code, non_retryable=True)
