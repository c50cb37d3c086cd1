"""What comes of a run: its output checked against the spell's schema, and kept encrypted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from activities._records import record_of, salt_of, seed_of
from activities.artifact_ports import ArtifactStore
from activities.judging import OutputJudge
from activities.ports import BlobStore, CastStore, SchemaChecker, Vault
from schema.blob_keys import error_stream_key, output_key
from schema.contracts.artifacts import KeptArtifact
from schema.contracts.cast import (
    RunOrder,
    RunOutcome,
)
from schema.contracts.plans import RunPlan
from schema.contracts.problem import Problem
from schema.contracts.run import Outcome, Verdict
from schema.errors import SpellError
from schema.ids import account_of_cast
from schema.packaging.artifact_archive import read_artifacts


@dataclass(frozen=True)
class _Left:
    """What a run left, opened."""

    output: bytes = b""
    stderr: bytes = b""
    artifacts: Mapping[str, bytes] = field(default_factory=dict)


class Outputs:
    """Judges and keeps what runs leave.

    Args:
        casts: has the schemas of versions.
        blobs: where outputs and error streams go.
        vault: opens what runners sealed, and encrypts what is kept.
        checker: judges outputs.
        artifacts: keeps what else runs leave.
    """

    def __init__(
        self,
        casts: CastStore,
        blobs: BlobStore,
        vault: Vault,
        checker: SchemaChecker,
        artifacts: ArtifactStore,
    ) -> None:
        self._blobs = blobs
        self._vault = vault
        self._artifacts = artifacts
        self._judge = OutputJudge(casts, checker)

    async def keep(self, order: RunOrder, verdict: Verdict) -> RunOutcome:
        """Check the output against the spell's schema and store what there is to keep."""
        cast_id, owner = order.cast_id, account_of_cast(order.cast_id)
        try:
            left = self._opened(order.plan, verdict)
        except ValueError:
            # Whoever has got hold of a runner may write anything; nobody pays for it.
            verdict, left = _as_lost(verdict), _Left()
        outcome = await self._judged(order.plan, verdict, left.output)
        seed, salt = seed_of(self._vault, cast_id), salt_of(self._vault, cast_id)
        record = record_of(order, verdict, left.output, left.artifacts, seed=seed, salt=salt)
        kept: dict[str, Any] = {"record": record}
        if outcome.outcome is Outcome.SUCCEEDED:
            kept["artifacts"] = await self._keep_artifacts(cast_id, left.artifacts)
            kept["output_key"] = output_key(cast_id)
            await self._blobs.put(kept["output_key"], self._vault.encrypt(owner, left.output))
        if left.stderr:
            kept["stderr_key"] = error_stream_key(cast_id)
            await self._blobs.put(kept["stderr_key"], self._vault.encrypt(owner, left.stderr))
        return outcome.model_copy(update=kept)

    def _opened(self, plan: RunPlan, verdict: Verdict) -> _Left:
        """What the runner sealed. Raises ValueError: it is not what runners seal."""
        archive = self._unsealed(verdict.sealed_artifacts)
        artifacts = read_artifacts(archive, plan.limits.artifacts_bytes_max)
        if artifacts and verdict.outcome is not Outcome.SUCCEEDED:
            raise ValueError("a run that did not succeed left artifacts")
        return _Left(
            self._unsealed(verdict.sealed_output),
            self._unsealed(verdict.sealed_stderr),
            artifacts,
        )

    def _unsealed(self, sealed: str | None) -> bytes:
        return self._vault.open_reply(sealed) if sealed else b""

    async def _keep_artifacts(
        self, cast_id: str, artifacts: Mapping[str, bytes]
    ) -> list[KeptArtifact]:
        """One after the other: they are few, and each is held in memory twice meanwhile."""
        return [
            await self._artifacts.keep(cast_id, name, content)
            for name, content in artifacts.items()
        ]

    async def _judged(self, plan: RunPlan, verdict: Verdict, output: bytes) -> RunOutcome:
        if verdict.outcome is not Outcome.SUCCEEDED:
            error = SpellError(verdict.code or "INTERNAL", details=verdict.details)
            return _outcome(verdict, verdict.outcome, Problem.of(error), len(output))
        errors = await self._judge.errors(plan, output)
        if errors:
            error = SpellError("OUTPUT_INVALID", details={"errors": errors})
            return _outcome(verdict, Outcome.FAILED, Problem.of(error), len(output))
        return _outcome(verdict, Outcome.SUCCEEDED, None, len(output))


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
    boxes = ("sealed_output", "sealed_stderr", "sealed_artifacts")
    nothing = dict.fromkeys(("usage", *boxes))
    lost: dict[str, Any] = {"outcome": Outcome.LOST, "code": "RUNNER_LOST", "details": {}}
    return verdict.model_copy(update={**nothing, **lost})
