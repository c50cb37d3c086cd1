"""What comes of a run: its output checked against the spell's schema, and kept encrypted."""

from collections import OrderedDict
from typing import Any

from activities._records import record_of, salt_of, seed_of
from activities.ports import BlobStore, CastStore, SchemaChecker, Vault
from schema.blob_keys import error_stream_key, output_key
from schema.canonical import JsonRefusedError, parse_json
from schema.contracts.cast import (
    RunOrder,
    RunOutcome,
)
from schema.contracts.plans import RunPlan
from schema.contracts.problem import Problem
from schema.contracts.run import Outcome, Verdict
from schema.errors import SpellError
from schema.ids import account_of_cast

_SCHEMAS_KEPT_MAX = 256


class Outputs:
    """Judges and keeps what runs leave.

    Args:
        casts: has the schemas of versions.
        blobs: where outputs and error streams go.
        vault: opens what runners sealed, and encrypts what is kept.
        checker: judges outputs.
    """

    def __init__(
        self, casts: CastStore, blobs: BlobStore, vault: Vault, checker: SchemaChecker
    ) -> None:
        self._casts = casts
        self._blobs = blobs
        self._vault = vault
        self._checker = checker
        self._schemas: OrderedDict[str, bytes] = OrderedDict()

    async def keep(self, order: RunOrder, verdict: Verdict) -> RunOutcome:
        """Check the output against the spell's schema and store what there is to keep."""
        cast_id, owner = order.cast_id, account_of_cast(order.cast_id)
        try:
            output, stderr = (
                self._opened(verdict.sealed_output),
                self._opened(verdict.sealed_stderr),
            )
        except ValueError:
            # Whoever has got hold of a runner may write anything; nobody pays for it.
            verdict, output, stderr = _as_lost(verdict), b"", b""
        outcome = await self._judge(order.plan, verdict, output)
        seed, salt = seed_of(self._vault, cast_id), salt_of(self._vault, cast_id)
        kept: dict[str, Any] = {"record": record_of(order, verdict, output, seed=seed, salt=salt)}
        if outcome.outcome is Outcome.SUCCEEDED:
            kept["output_key"] = output_key(cast_id)
            await self._blobs.put(kept["output_key"], self._vault.encrypt(owner, output))
        if stderr:
            kept["stderr_key"] = error_stream_key(cast_id)
            await self._blobs.put(kept["stderr_key"], self._vault.encrypt(owner, stderr))
        return outcome.model_copy(update=kept)

    def _opened(self, sealed: str | None) -> bytes:
        return self._vault.open_reply(sealed) if sealed else b""

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


def _as_lost(verdict: Verdict) -> Verdict:
    """What a verdict counts as whose boxes do not open."""
    nothing = dict.fromkeys(("usage", "sealed_output", "sealed_stderr"))
    lost: dict[str, Any] = {"outcome": Outcome.LOST, "code": "RUNNER_LOST", "details": {}}
    return verdict.model_copy(update={**nothing, **lost})
