"""Takes runs from the bus, has them executed, and settles each delivery."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from runner.attendance import Egress
from runner.compiling.code_store import CodeStore
from runner.dead_runs import DeadRuns
from runner.deciding import Decider, Settlement
from runner.executor import Execution, Executor
from runner.ports import Delivery, RevokedDigests, RunnerBus
from runner.processes.pool import SandboxPool
from runner.resource_store import ResourceStore
from runner.revoked_runs import is_revoked
from runner.run_requests import UnreadableRunError, read_request
from runner.sealing import RunnerKey
from runner.stage_clock import StageClock
from runner.verdicts import VerdictWriter
from schema import limits
from schema.contracts.run import RunClaim, Verdict
from schema.errors import SpellError

_RETRY_SECONDS = 0.5
# Each time longer by this: in a roll-out, newer runners are about to come.
_UNREADABLE_RETRY_SECONDS = 2.0
_SETTLE_SECONDS_AT_EXIT = 3.0
_LOOK_SECONDS = 2.0

_T = TypeVar("_T")

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Job:
    delivery: Delivery
    execution: Execution
    decided: bool = False
    """Its end is known, and being told."""


class Supervisor:
    """One runner: as many runs at a time as the pool has processes.

    Args:
        bus: where runs come from and verdicts go to.
        revoked: what may not run.
        pool: sandbox processes, not yet started; this object starts and closes them.
        code: compiled modules.
        key: the fleet's private key.
        egress: how guests reach other hosts.
        runner_id: the name of this process in verdicts.
        drain_seconds: how long runs may go on once `drain` is called.
    """

    def __init__(
        self,
        bus: RunnerBus,
        revoked: RevokedDigests,
        pool: SandboxPool,
        code: CodeStore,
        key: RunnerKey,
        egress: Egress,
        *,
        runner_id: str,
        drain_seconds: float,
    ) -> None:
        self._bus = bus
        self._revoked = revoked
        self._pool = pool
        self._code = code
        self._key = key
        self._egress = egress
        self._runner_id = runner_id
        self._drain_seconds = drain_seconds
        self._dead = DeadRuns(bus, runner_id)
        self._jobs: dict[str, _Job] = {}
        self._settling: set[asyncio.Task[None]] = set()
        self._waiting: set[asyncio.Task[Any]] = set()
        self._drained = asyncio.Event()

    async def run(self) -> None:
        """Work until `drain` is called, then finish or give back what is at hand.

        Raises:
            SandboxDiedError: no sandbox process starts on this machine.
        """
        await self._pool.start()
        try:
            redelivery_seconds = await self._unless_drained(self._listen())
            if redelivery_seconds is not None:
                await self._work(redelivery_seconds)
        finally:
            await self._pool.close()

    def stop(self, cast_id: str) -> None:
        """End this cast's run if it is here."""
        job = self._jobs.get(cast_id)
        if job is not None:
            job.execution.stop()

    def drain(self) -> None:
        """Take no more runs. `run` returns when those at hand are settled."""
        self._drained.set()
        for task in self._waiting:
            task.cancel()

    async def _listen(self) -> float:
        redelivery_seconds = await self._bus.start(self.stop)
        await self._revoked.start(self._stop_revoked)
        return redelivery_seconds

    def _stop_revoked(self) -> None:
        """End the runs at hand that may not go on."""
        for job in self._jobs.values():
            if is_revoked(job.execution.request, self._revoked):
                about = {"cast_id": job.execution.request.cast_id}
                _log.warning("a revoked run is stopped", extra=about)
                job.execution.stop()

    async def _follow_revocations(self) -> None:
        """Look for revocations from time to time: what is heard of them may be lost."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await self._revoked.refresh()
            except SpellError as error:
                _log.error("no run starts until revocations can be read again: %s", error)

    async def _work(self, redelivery_seconds: float) -> None:
        verdicts = VerdictWriter(self._runner_id, self._pool.engine)
        executor = Executor(
            self._pool,
            self._code,
            ResourceStore(self._bus.fetch_object),
            self._key,
            verdicts,
            self._egress,
            self._bus,
            self._claim,
        )
        _log.info("runner %s takes runs, %d at a time", self._runner_id, self._pool.size)
        decider = Decider(self._bus, executor, verdicts, self._revoked)
        beside = [
            asyncio.create_task(self._report_progress(redelivery_seconds / 3)),
            asyncio.create_task(self._follow_revocations()),
        ]
        loops = [
            asyncio.create_task(self._take_runs(decider, verdicts)) for _ in range(self._pool.size)
        ]
        await self._drained.wait()
        await self._finish(loops, decider)
        for task in beside:
            task.cancel()

    async def _take_runs(self, decider: Decider, verdicts: VerdictWriter) -> None:
        """Take one run after the other. There are as many of these loops as sandbox processes."""
        while not self._drained.is_set():
            delivery = await self._unless_drained(self._bus.next_delivery())
            if delivery is None:
                return
            job = self._admit(delivery, verdicts)
            if job is not None:
                settlement = await decider.decide(job.execution)
                job.decided = True
                # The process is free again: the next run need not wait for the paperwork.
                self._in_background(self._settle(job, settlement))

    def _admit(self, delivery: Delivery, verdicts: VerdictWriter) -> _Job | None:
        try:
            request = read_request(delivery.body)
        except UnreadableRunError as error:
            self._in_background(self._put_aside(delivery, error, verdicts))
            return None
        known = self._jobs.get(request.cast_id)
        if known is not None:
            # Our own run, delivered again because a progress report was late: go on with it.
            known.delivery = delivery
            return None
        clock = StageClock(delivery.queued_at_unix)
        job = _Job(delivery, Execution(request, delivery=delivery.number, clock=clock))
        self._jobs[request.cast_id] = job
        return job

    async def _put_aside(
        self, delivery: Delivery, error: UnreadableRunError, verdicts: VerdictWriter
    ) -> None:
        """Let other runners try a message that this one cannot read; the last delivery ends it."""
        about = {"cast_id": error.cast_id, "delivery": delivery.number}
        try:
            if delivery.number <= limits.RUN_DELIVERIES_MAX:
                _log.warning("a run that this runner cannot read: %s", error, extra=about)
                await delivery.give_back(delivery.number * _UNREADABLE_RETRY_SECONDS)
                return
            if error.cast_id is not None:
                await self._publish(verdicts.lost(error.cast_id, delivery.number))
            await self._dead.unreadable(delivery, error)
            await delivery.done()
        except SpellError as away:
            _log.error("an unreadable run is not settled: %s", away, extra=about)

    async def _claim(self, execution: Execution) -> bool:
        return await self._bus.claim(
            RunClaim(
                cast_id=execution.request.cast_id,
                runner_id=self._runner_id,
                delivery=execution.delivery,
            )
        )

    async def _settle(self, job: _Job, settlement: Settlement) -> None:
        cast_id = job.execution.request.cast_id
        try:
            if settlement.verdict is not None:
                await self._publish(settlement.verdict)
            if settlement.cause:
                await self._dead.lost(cast_id, job.execution.delivery, settlement.cause)
            if settlement.again:
                await job.delivery.give_back(_RETRY_SECONDS)
            else:
                await job.delivery.done()
        except SpellError as error:
            # It will be delivered again; if the verdict is out, that delivery ends at once.
            _log.error("a run is not settled: %s", error, extra={"cast_id": cast_id})
        finally:
            self._jobs.pop(cast_id, None)

    async def _publish(self, verdict: Verdict) -> None:
        """Publish the verdict, for as long as somebody may be waiting for it."""
        give_up_at = time.monotonic() + limits.VERDICT_GRACE_SECONDS
        while True:
            try:
                await self._bus.publish_verdict(verdict)
            except SpellError:
                if time.monotonic() > give_up_at:
                    raise
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def _report_progress(self, interval_seconds: float) -> None:
        while True:
            await asyncio.sleep(interval_seconds)
            for job in list(self._jobs.values()):
                try:
                    await job.delivery.in_progress()
                except SpellError as error:
                    _log.warning("cannot report progress: %s", error)

    async def _finish(self, loops: list[asyncio.Task[None]], decider: Decider) -> None:
        """Let runs end, then give back those that do not, or end those that cannot come again."""
        _log.info("draining: %d runs at hand", len(self._jobs))
        _, late = await asyncio.wait(loops, timeout=self._drain_seconds)
        for loop in late:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        if self._settling:
            await asyncio.wait(self._settling, timeout=_SETTLE_SECONDS_AT_EXIT)
        undecided = [job for job in self._jobs.values() if not job.decided]
        giving_back = [
            asyncio.create_task(self._settle(job, decider.at_exit(job.execution)))
            for job in undecided
        ]
        if giving_back:
            await asyncio.wait(giving_back, timeout=_SETTLE_SECONDS_AT_EXIT)

    async def _unless_drained(self, waiting: Coroutine[Any, Any, _T]) -> _T | None:
        """The awaited result, or None when this process is to take nothing more."""
        if self._drained.is_set():
            waiting.close()
            return None
        task = asyncio.current_task()
        assert task is not None
        self._waiting.add(task)
        try:
            return await waiting
        except asyncio.CancelledError:
            if self._drained.is_set():
                return None
            raise
        finally:
            self._waiting.discard(task)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)
