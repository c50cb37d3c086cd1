"""Decides what becomes of a delivery: a verdict, another delivery, or nothing."""

import asyncio
import logging
import time
from dataclasses import dataclass, replace

from runner.executor import AlreadyStartedError, Execution, Executor, PlatformFaultError
from runner.ports import RevokedDigests, RunnerBus
from runner.revoked_runs import is_revoked
from runner.verdicts import VerdictWriter
from schema import limits
from schema.contracts.run import Verdict
from schema.errors import SpellError

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settlement:
    """What becomes of a delivery: a verdict to publish, and whether it is to come again."""

    verdict: Verdict | None = None
    again: bool = False
    cause: str = ""
    """Why the platform gives the run up; empty when it does not."""


class Decider:
    """Has runs executed and decides what follows. It never fails.

    Args:
        bus: knows whether a cast has ended.
        executor: runs them.
        verdicts: writes the ends that need no run.
        revoked: what may not run.
    """

    def __init__(
        self,
        bus: RunnerBus,
        executor: Executor,
        verdicts: VerdictWriter,
        revoked: RevokedDigests,
    ) -> None:
        self._bus = bus
        self._executor = executor
        self._verdicts = verdicts
        self._revoked = revoked

    async def decide(self, execution: Execution) -> Settlement:
        """Run it, unless it has ended or is over its chances, and say what becomes of it."""
        settlement = await self._attempt(execution)
        if settlement.verdict is None:
            return settlement
        stages = execution.clock.stages()
        return replace(settlement, verdict=settlement.verdict.model_copy(update={"stages": stages}))

    def at_exit(self, execution: Execution) -> Settlement:
        """What becomes of a run whose runner leaves before its end."""
        if execution.claimed:
            return self._lost(execution, "its runner was stopped", at_most_once=True)
        return Settlement(again=True)

    async def _attempt(self, execution: Execution) -> Settlement:
        about = {"cast_id": execution.request.cast_id, "delivery": execution.delivery}
        try:
            return await self._run(execution)
        except AlreadyStartedError:
            return self._lost(execution, "it was started before", at_most_once=True)
        except (PlatformFaultError, SpellError) as fault:
            _log.error("a run failed by a fault of ours: %s", fault, extra=about)
            cause = str(fault)
        except Exception as bug:  # noqa: BLE001 - it must not end the loop of the caller
            _log.exception("a run failed by a bug of ours", extra=about)
            cause = f"a bug of the runner: {type(bug).__name__}"
        return self._after_fault(execution, cause)

    async def _run(self, execution: Execution) -> Settlement:
        request = execution.request
        if request.expires_at_unix <= time.time():
            _log.info("a run expired in the queue", extra={"cast_id": request.cast_id})
            return Settlement()
        ended, _ = await asyncio.gather(
            self._bus.has_verdict(request.cast_id), self._revoked.refresh()
        )
        if ended:
            return Settlement()
        if is_revoked(request, self._revoked):
            _log.warning("a revoked run is not started", extra={"cast_id": request.cast_id})
            return Settlement(self._verdicts.revoked(request))
        if execution.delivery > limits.RUN_DELIVERIES_MAX:
            return self._lost(execution, "no runner that took it told its end")
        verdict = await self._executor.execute(execution)
        if is_revoked(request, self._revoked):
            verdict = self._verdicts.revoked(request, verdict)
        return Settlement(verdict)

    def _after_fault(self, execution: Execution, cause: str) -> Settlement:
        if execution.claimed:
            return self._lost(execution, cause, at_most_once=True)
        if execution.delivery >= limits.RUN_DELIVERIES_MAX:
            return self._lost(execution, cause)
        return Settlement(again=True)

    def _lost(self, execution: Execution, cause: str, *, at_most_once: bool = False) -> Settlement:
        cast_id = execution.request.cast_id
        verdict = self._verdicts.lost(cast_id, execution.delivery, at_most_once=at_most_once)
        return Settlement(verdict, cause=cause)
