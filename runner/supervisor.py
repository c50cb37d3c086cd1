"""Takes runs from the bus, has them executed, and settles each delivery."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from runner.attendance import Egress
from runner.compiling.code_store import CodeStore
from runner.executor import Execution, Executor, PlatformFaultError
from runner.pool import SandboxPool
from runner.ports import Delivery, RunnerBus
from runner.resource_store import ResourceStore
from runner.sealing import RunnerKey
from runner.verdicts import VerdictWriter
from schema import limits
from schema.contracts.run import RunRequest, Verdict
from schema.errors import SpellError

_RETRY_SECONDS = 0.5
_SETTLE_SECONDS_AT_EXIT = 3.0

_T = TypeVar("_T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Settlement:
    """What becomes of a delivery: a verdict to publish, and whether it is to come again."""

    verdict: Verdict | None = None
    again: bool = False


@dataclass(eq=False)
class _Job:
    delivery: Delivery
    execution: Execution


class Supervisor:
    """One runner: as many runs at a time as the pool has processes.

    Args:
        bus: where runs come from and verdicts go to.
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
        pool: SandboxPool,
        code: CodeStore,
        key: RunnerKey,
        egress: Egress,
        *,
        runner_id: str,
        drain_seconds: float,
    ) -> None:
        self._bus = bus
        self._pool = pool
        self._code = code
        self._key = key
        self._egress = egress
        self._runner_id = runner_id
        self._drain_seconds = drain_seconds
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
            redelivery_seconds = await self._unless_drained(self._bus.start(self.stop))
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
        )
        _log.info("runner %s takes runs, %d at a time", self._runner_id, self._pool.size)
        reporting = asyncio.create_task(self._report_progress(redelivery_seconds / 3))
        lanes = [
            asyncio.create_task(self._lane(executor, verdicts)) for _ in range(self._pool.size)
        ]
        await self._drained.wait()
        await self._finish(lanes)
        reporting.cancel()

    async def _lane(self, executor: Executor, verdicts: VerdictWriter) -> None:
        """Take one run after the other. There are as many lanes as sandbox processes."""
        while not self._drained.is_set():
            delivery = await self._unless_drained(self._bus.next_delivery())
            if delivery is None:
                return
            job = self._admit(delivery)
            if job is not None:
                settlement = await self._decide(job, executor, verdicts)
                # The process is free again: the next run need not wait for the paperwork.
                self._in_background(self._settle(job, settlement))

    def _admit(self, delivery: Delivery) -> _Job | None:
        try:
            request = RunRequest.model_validate_json(delivery.body)
        except ValidationError as error:
            # Perhaps of a newer platform: a newer runner may understand it. Nobody can be told.
            _log.error("a run that this runner cannot read: %s", error.errors(include_input=False))
            self._in_background(delivery.give_back(_RETRY_SECONDS))
            return None
        known = self._jobs.get(request.cast_id)
        if known is not None:
            # Our own run, delivered again because a progress report was late: go on with it.
            known.delivery = delivery
            return None
        job = _Job(delivery, Execution(request))
        self._jobs[request.cast_id] = job
        return job

    async def _decide(self, job: _Job, executor: Executor, verdicts: VerdictWriter) -> _Settlement:
        request, number = job.execution.request, job.delivery.number
        about = {"cast_id": request.cast_id, "delivery": number}
        try:
            if request.expires_at_unix <= time.time():
                _log.info("a run expired in the queue", extra=about)
                return _Settlement()
            if await self._bus.has_verdict(request.cast_id):
                return _Settlement()
            if number > limits.RUN_DELIVERIES_MAX:
                return _Settlement(verdicts.lost(request, number))
            return _Settlement(await executor.execute(job.execution))
        except (PlatformFaultError, SpellError) as fault:
            _log.error("a run failed by a fault of ours: %s", fault, extra=about)
        except Exception:  # noqa: BLE001 - a bug of ours must not end the lane
            _log.exception("a run failed by a bug of ours", extra=about)
        if number >= limits.RUN_DELIVERIES_MAX:
            return _Settlement(verdicts.lost(request, number))
        return _Settlement(again=True)

    async def _settle(self, job: _Job, settlement: _Settlement) -> None:
        cast_id = job.execution.request.cast_id
        try:
            if settlement.verdict is not None:
                await self._publish(settlement.verdict)
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

    async def _finish(self, lanes: list[asyncio.Task[None]]) -> None:
        """Let runs end, then give back those that do not."""
        _log.info("draining: %d runs at hand", len(self._jobs))
        _, late = await asyncio.wait(lanes, timeout=self._drain_seconds)
        for lane in late:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
        if self._settling:
            await asyncio.wait(self._settling, timeout=_SETTLE_SECONDS_AT_EXIT)
        for cast_id, job in self._jobs.items():
            _log.info("giving back a run", extra={"cast_id": cast_id})
            try:
                await job.delivery.give_back()
            except SpellError as error:
                _log.warning("cannot give back a run: %s", error, extra={"cast_id": cast_id})

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
