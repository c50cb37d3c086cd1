"""Stand-ins for ports where a test is about something else; the real ones have contract suites."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from schema.contracts.publish import (
    InspectedPackage,
    PublicationEventKind,
    PublishResult,
    PublishStep,
)
from schema.contracts.run import Outcome, RunRequest, Usage, Verdict
from schema.contracts.supply_chain import Decision, Evidence, PackageEvidence
from tests.support.builders import NO_EVIDENCE, USAGE


class QueueSignals:
    def __init__(self) -> None:
        self.queue: asyncio.Queue[str] = asyncio.Queue()

    async def wait(self, timeout_seconds: float) -> str | None:
        try:
            return await asyncio.wait_for(self.queue.get(), timeout_seconds)
        except TimeoutError:
            return None


class ScriptedRunBus:
    """A bus with a runner on it that does what the test says; first verdict wins, as in JetStream.

    `script` answers a run request with a verdict, or with None for a runner that never answers.
    A stop ends a run that is under way with `usage_when_stopped`. `before_verdict` is what happens
    elsewhere while the guest runs, `before_stop` while it is being stopped. While `room` is
    cleared, all lanes are full.
    """

    def __init__(self, script: Callable[[RunRequest], Verdict | None]) -> None:
        self.script = script
        self.usage_when_stopped: Usage | None = USAGE
        self.before_stop: Callable[[], Awaitable[None]] | None = None
        self.before_verdict: Callable[[RunRequest], Awaitable[None]] | None = None
        self.verdicts: dict[str, Verdict] = {}
        self.published: list[str] = []
        self.room = asyncio.Event()
        self.room.set()
        self.brought: dict[str, Callable[[], Awaitable[bytes]]] = {}
        self.stopped: list[str] = []
        self._running: set[str] = set()
        self._watchers: dict[str, list[QueueSignals]] = {}
        self._found_full: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._arrived: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def until_published(self, cast_id: str) -> None:
        """Wait until the run of this cast is on the bus."""
        await asyncio.wait_for(self._arrived[cast_id].wait(), 20)

    async def ensure_object(self, digest: str, load: Callable[[], Awaitable[bytes]]) -> None:
        self.brought[digest] = load

    async def ensure_code(
        self, engine: str, digest: str, load: Callable[[], Awaitable[bytes | None]]
    ) -> None:
        del engine, digest, load

    async def until_refused(self, cast_id: str) -> None:
        """Wait until the run of this cast found its lane full."""
        await asyncio.wait_for(self._found_full[cast_id].wait(), 20)

    async def publish_run(self, request: RunRequest) -> bool:
        if request.cast_id in self.published:
            return True
        if not self.room.is_set():
            self._found_full[request.cast_id].set()
            return False
        self.published.append(request.cast_id)
        self._running.add(request.cast_id)
        self._arrived[request.cast_id].set()
        self._hint(request.cast_id, "started")
        verdict = self.script(request)
        if verdict is not None:
            if self.before_verdict is not None:
                await self.before_verdict(request)
            await self.offer_verdict(verdict)
        return True

    @asynccontextmanager
    async def watch(self, cast_id: str) -> AsyncIterator[QueueSignals]:
        signals = QueueSignals()
        self._watchers.setdefault(cast_id, []).append(signals)
        try:
            yield signals
        finally:
            self._watchers[cast_id].remove(signals)

    async def verdict_of(self, cast_id: str) -> Verdict | None:
        return self.verdicts.get(cast_id)

    async def offer_verdict(self, verdict: Verdict) -> Verdict:
        accepted = self.verdicts.setdefault(verdict.cast_id, verdict)
        self._running.discard(verdict.cast_id)
        self._hint(verdict.cast_id, "verdict")
        return accepted

    async def request_stop(self, cast_id: str) -> None:
        self.stopped.append(cast_id)
        if self.before_stop is not None:
            await self.before_stop()
        self._hint(cast_id, "stop")
        if cast_id in self._running:
            await self.offer_verdict(
                Verdict(
                    cast_id=cast_id,
                    outcome=Outcome.CANCELLED,
                    code="CAST_CANCELLED",
                    usage=self.usage_when_stopped,
                )
            )

    async def announce_event(self, cast_id: str) -> None:
        del cast_id

    def _hint(self, cast_id: str, hint: str) -> None:
        for signals in self._watchers.get(cast_id, []):
            signals.queue.put_nowait(hint)


class MemoryBlobs:
    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}

    async def put(self, key: str, content: bytes) -> None:
        self.content[key] = content

    async def get(self, key: str) -> bytes | None:
        return self.content.get(key)

    async def delete(self, key: str) -> None:
        self.content.pop(key, None)


@dataclass(frozen=True)
class Complaint:
    path: str
    message: str


class AnySchema:
    """Accepts every value but `{"bad":true}`."""

    async def check_schemas(self, schema_json: bytes) -> None:
        del schema_json

    async def violations(self, schema_json: bytes, side: str, value_json: bytes) -> list[Complaint]:
        del schema_json, side
        return [Complaint("/bad", "must not be")] if value_json == b'{"bad":true}' else []


class MemoryPackageEvidence:
    """Port PackageEvidences, in memory."""

    def __init__(self) -> None:
        self._kept: dict[str, PackageEvidence] = {}

    async def keep(self, evidence: PackageEvidence) -> None:
        self._kept.setdefault(evidence.package_digest, evidence)

    async def find(self, package_digest: str) -> PackageEvidence | None:
        return self._kept.get(package_digest)


class KnownVerdicts:
    """Verdicts rest on what `tests.support.builders.publish` records; none is missing."""

    async def evidence(self) -> Evidence:
        return NO_EVIDENCE

    async def decide(self, package_digest: str) -> Decision:
        raise AssertionError(f"no verdict on {package_digest}")


class MemoryPublications:
    """Ports Publications and SpellStore, in memory: steps and ends as they were told."""

    def __init__(self) -> None:
        self.told: list[tuple[PublicationEventKind, PublishStep, dict[str, Any]]] = []
        self.ended: list[PublishResult] = []

    async def note_step(
        self,
        publication_id: str,
        kind: PublicationEventKind,
        step: PublishStep,
        data: dict[str, Any],
    ) -> None:
        del publication_id
        self.told.append((kind, step, data))

    async def conclude(self, publication_id: str, result: PublishResult) -> None:
        del publication_id
        self.ended.append(result)

    async def record_version(
        self, evidence: PackageEvidence, package: InspectedPackage, decision: Decision
    ) -> PublishResult:
        raise AssertionError(evidence, package, decision)
