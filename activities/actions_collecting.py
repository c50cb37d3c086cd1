"""The end of an Actions run: what it left, judged and kept."""

import asyncio

from activities._records import actions_record_of, salt_of
from activities.actions_artifacts import OUTPUT_BUNDLE, Unpacking, invalid
from activities.actions_ports import ActionsHost
from activities.artifact_ports import ArtifactStore
from activities.github_threads import GitHubThreads
from activities.judging import OutputJudge
from activities.ports import BlobStore, Vault
from schema import limits
from schema.actions_ends import end_of
from schema.blob_keys import error_stream_key, output_key
from schema.contracts.actions import ActionsArtifact, CollectOrder
from schema.contracts.actions_record import RecordedArtifact
from schema.contracts.artifacts import KeptArtifact
from schema.contracts.cast import CastRecord, RunOutcome
from schema.contracts.problem import Problem
from schema.contracts.run import Outcome
from schema.errors import SpellError
from schema.ids import account_of_cast
from schema.receipts import salted_digest

# Archives are held in memory, so few are unpacked at a time in one process.
_AT_ONCE = 4
# What is wrong with the run's own output; anything else is worth another attempt.
_ENDINGS = {"OUTPUT_INVALID", "OUTPUT_TOO_LARGE", "ARTIFACT_EXPIRED"}

_Kept = tuple[KeptArtifact, RecordedArtifact]
"""An artifact as it is stored, and as it is noted."""


class ActionsCollector:
    """Fetches, judges and keeps what Actions runs leave.

    Args:
        host: GitHub.
        threads: ask it.
        judge: judges outputs.
        artifacts: keeps artifacts.
        blobs: where outputs and error streams go.
        vault: encrypts what is kept.
    """

    def __init__(
        self,
        host: ActionsHost,
        threads: GitHubThreads,
        judge: OutputJudge,
        artifacts: ArtifactStore,
        blobs: BlobStore,
        vault: Vault,
    ) -> None:
        self._host = host
        self._threads = threads
        self._judge = judge
        self._artifacts = artifacts
        self._blobs = blobs
        self._vault = vault
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def collect(self, order: CollectOrder) -> RunOutcome:
        """How the cast's run ended, with its logs, and of a success output and artifacts."""
        outcome = end_of(order)
        record = None if outcome.usage is None else actions_record_of(order)
        kept = {"stderr_key": await self._keep_logs(order), "record": record}
        outcome = outcome.model_copy(update=kept)
        if outcome.outcome is not Outcome.SUCCEEDED:
            return outcome
        async with self._room:
            return await self._judged(order, outcome)

    async def _keep_logs(self, order: CollectOrder) -> str | None:
        logs = await self._threads.ask(self._host.logs, order.run, limits.STDERR_BYTES_MAX)
        if not logs:
            return None
        key = error_stream_key(order.cast_id)
        await self._put(order.cast_id, key, logs)
        return key

    async def _judged(self, order: CollectOrder, outcome: RunOutcome) -> RunOutcome:
        kept: list[_Kept] = []
        try:
            output = await self._unpacked(order, kept)
            await self._check(order, output)
        except SpellError as error:
            if error.code not in _ENDINGS:
                raise
            problem = error if error.code != "ARTIFACT_EXPIRED" else invalid(error.message)
            refused = {"outcome": Outcome.FAILED, "problem": Problem.of(problem)}
            # Named all the same: settlement gives them no time, so that they are deleted.
            return outcome.model_copy(update={**refused, "artifacts": [one for one, _ in kept]})
        key = output_key(order.cast_id)
        await self._put(order.cast_id, key, output)
        result = {
            "output_key": key,
            "output_bytes": len(output),
            "artifacts": [one for one, _ in kept],
            "record": self._completed(order, outcome.record, output, kept),
        }
        return outcome.model_copy(update=result)

    def _completed(
        self, order: CollectOrder, record: CastRecord | None, output: bytes, kept: list[_Kept]
    ) -> CastRecord | None:
        """The record with what the run gave."""
        if record is None:
            return None
        salt = salt_of(self._vault, order.cast_id)
        given = {
            "output_digest": salted_digest(salt, output),
            "artifacts": [noted for _, noted in kept],
        }
        return record.model_copy(update=given)

    async def _check(self, order: CollectOrder, output: bytes) -> None:
        errors = await self._judge.errors(order.plan, output)
        if errors:
            raise SpellError("OUTPUT_INVALID", details={"errors": errors})

    async def _unpacked(self, order: CollectOrder, kept: list[_Kept]) -> bytes:
        """The output; what else there is, is added to `kept`."""

        async def download(artifact: ActionsArtifact, bytes_max: int) -> bytes:
            return await self._threads.ask(self._host.download, order.run, artifact, bytes_max)

        salt = salt_of(self._vault, order.cast_id)

        async def keep(name: str, content: bytes) -> None:
            one = await self._artifacts.keep(order.cast_id, name, content)
            digest = await asyncio.to_thread(salted_digest, salt, content)
            kept.append((one, RecordedArtifact(name=name, digest=digest, bytes=len(content))))

        found = await self._threads.ask(self._host.artifacts, order.run)
        unpacking = Unpacking(download, keep, order.plan.limits.artifact_bytes_max)
        if len(found) > limits.ARTIFACTS_PER_CAST_MAX + 1:
            raise SpellError("OUTPUT_TOO_LARGE", details={"artifacts": len(found)})
        for artifact in found:
            await unpacking.take(artifact)
        if unpacking.output is None:
            message = f"The run uploaded no artifact {OUTPUT_BUNDLE} with an output.json."
            raise invalid(message, artifacts=[artifact.name for artifact in found])
        return unpacking.output

    async def _put(self, cast_id: str, key: str, content: bytes) -> None:
        await self._blobs.put(key, self._vault.encrypt(account_of_cast(cast_id), content))
