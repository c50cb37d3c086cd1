"""The gate after publishing: what verdicts rest on now, and verdicts that are not there yet."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from activities.supply_chain.gate import Gate
from activities.supply_chain.ports import Decisions, PackageEvidences
from schema.contracts.supply_chain import Decision, Evidence
from schema.errors import SpellError

_log = logging.getLogger(__name__)

FRESH_SECONDS = 2.0
STALE_SECONDS = 60.0


class CurrentEvidence:
    """What a decision rests on now, known without asking: casts must not wait for it.

    Args:
        load: asks for it.
        fresh_seconds: after these it is asked for again, beside those who wait for nothing.
        stale_seconds: after these nobody may rely on it any more.
    """

    def __init__(
        self,
        load: Callable[[], Awaitable[Evidence]],
        *,
        fresh_seconds: float = FRESH_SECONDS,
        stale_seconds: float = STALE_SECONDS,
    ) -> None:
        self._load = load
        self._fresh_seconds = fresh_seconds
        self._stale_seconds = stale_seconds
        self._known: Evidence | None = None
        self._loaded_at = 0.0
        self._loading: asyncio.Task[Evidence] | None = None

    async def get(self) -> Evidence:
        """The evidence, as of a moment ago. Raises what loading raises when it is too old."""
        age = asyncio.get_running_loop().time() - self._loaded_at
        if self._known is None or age > self._stale_seconds:
            return await asyncio.shield(self._load_once())
        if age > self._fresh_seconds:
            self._load_once()
        return self._known

    def _load_once(self) -> "asyncio.Task[Evidence]":
        if self._loading is None:
            self._loading = asyncio.create_task(self._reload())
            self._loading.add_done_callback(self._loaded)
        return self._loading

    async def _reload(self) -> Evidence:
        begun_at = asyncio.get_running_loop().time()
        self._known = await self._load()
        self._loaded_at = begun_at
        return self._known

    def _loaded(self, done: "asyncio.Task[Evidence]") -> None:
        self._loading = None
        if not done.cancelled() and done.exception() is not None:
            _log.warning("the evidence of decisions cannot be read: %s", done.exception())


class Deciding:
    """Verdicts on published versions, by the rules of this moment.

    Args:
        gate: makes those that are not there.
        decisions: those that are.
        evidences: what the gate looks at.
        evidence: what a verdict of now rests on. Casts go by what was known a moment ago
            (`CurrentEvidence`); re-scans and clocks ask the gate itself.
    """

    def __init__(
        self,
        gate: Gate,
        decisions: Decisions,
        evidences: PackageEvidences,
        evidence: Callable[[], Awaitable[Evidence]],
    ) -> None:
        self._gate = gate
        self._decisions = decisions
        self._evidences = evidences
        self._evidence = evidence

    async def evidence(self) -> Evidence:
        """What a verdict of now rests on."""
        return await self._evidence()

    async def decide(self, package_digest: str) -> Decision:
        """The verdict of now on a published package; made once among all workers.

        Raises:
            SpellError: SPELL_UNVERIFIED, nothing is known of this package.
        """
        package = await self._evidences.find(package_digest)
        if package is None:
            raise SpellError("SPELL_UNVERIFIED", details={"package_digest": package_digest})
        evidence = await self._evidence()
        return await self._decisions.decide_once(
            package_digest, evidence, lambda: self._gate.decide(package)
        )
