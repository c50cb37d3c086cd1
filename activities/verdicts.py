"""From an order to the one accepted verdict on it: the queue, the hints, the deadlines."""

import asyncio
import time

from temporalio import activity

from activities.lanes import Lanes
from activities.ports import CastStore, RunBus, RunSignals
from activities.progress import ProgressNotes
from activities.run_requests import RunRequests
from schema import limits
from schema.contracts.cast import RunOrder
from schema.contracts.run import Outcome, Verdict
from schema.errors import SpellError
from schema.names import STARTED_HINT, STOP_HINT, VERDICT_HINT

PUBLISHED = "published"
"""Heartbeat detail: the run is on the queue, and is not to be put there again."""
# How long to wait for a hint before looking at the stream itself; also the heartbeat's pace.
POLL_SECONDS = 2.0
# A run that is over sooner is not worth a transaction for its start alone.
BRIEF_RUN_SECONDS = 0.05
# A run that is on the queue so soon has waited for nothing that somebody would have to be told.
BRIEF_WAIT_SECONDS = 0.1
_WAITING = "waiting"


class Verdicts:
    """Brings verdicts about. The runner's is the truth; hints only shorten the wait.

    Args:
        casts: where starts are recorded.
        bus: the way to the runners.
        requests: makes what runners are asked.
        progress: keeps what guests report.
        queue_seconds: how long a run may wait for a runner.
        grace_seconds: how long after the guest's own deadline its verdict may arrive.
    """

    def __init__(
        self,
        casts: CastStore,
        bus: RunBus,
        requests: RunRequests,
        progress: ProgressNotes,
        *,
        queue_seconds: float = limits.QUEUE_SECONDS_MAX,
        grace_seconds: float = limits.VERDICT_GRACE_SECONDS,
    ) -> None:
        self._casts = casts
        self._bus = bus
        self._requests = requests
        self._progress = progress
        self._queue_seconds = queue_seconds
        self._grace_seconds = grace_seconds
        self._lanes = Lanes(bus.publish_run)

    async def on(self, order: RunOrder) -> Verdict:
        """The one accepted verdict on a run, published if it is not on its way already.

        To be called within an activity: it heartbeats, and counts from when that was scheduled.
        """
        cast_id, plan = order.cast_id, order.plan
        queue_left = self._queue_seconds - _seconds_since_scheduled()
        queue_ends_at = time.monotonic() + queue_left
        ends_at = queue_ends_at + plan.limits.timeout_ms / 1000 + self._grace_seconds
        async with self._bus.watch(cast_id) as signals:
            verdict = await self._bus.verdict_of(cast_id)
            if verdict is None and PUBLISHED not in activity.info().heartbeat_details:
                verdict = await self._enter_queue(order, signals, queue_ends_at)
            activity.heartbeat(PUBLISHED)
            while verdict is None:
                await self._note_hint(cast_id, signals)
                activity.heartbeat(PUBLISHED)
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
        except SpellError as error:
            if error.code != "SPELL_REVOKED":
                raise
            return await self._bus.offer_verdict(_revoked(order.cast_id, error))
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
            return await self._bus.offer_verdict(cancelled_before_start(cast_id))
        if time.monotonic() > ends_at:
            return await self._bus.offer_verdict(_gave_up(cast_id))
        return await self._bus.verdict_of(cast_id)

    async def _publish(self, order: RunOrder, expires_at_unix: int) -> None:
        make_request = await self._requests.prepare(order, expires_at_unix)
        await self._lanes.enter(order.cast_id, order.plan.module_digest, make_request)

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


def cancelled_before_start(cast_id: str) -> Verdict:
    """The verdict on a run that was stopped before any runner began it: nothing was used."""
    return Verdict(cast_id=cast_id, outcome=Outcome.CANCELLED, code="CAST_CANCELLED", usage=None)


def _revoked(cast_id: str, error: SpellError) -> Verdict:
    """The verdict on a run that was never asked for: it may not be."""
    return Verdict(
        cast_id=cast_id, outcome=Outcome.FAILED, code=error.code, details=error.details, usage=None
    )


def _seconds_since_scheduled() -> float:
    """How long ago the run was first scheduled, by Temporal's clock on both ends: not by ours."""
    info = activity.info()
    return (info.started_time - info.scheduled_time).total_seconds()


async def _next_hint(signals: RunSignals, entering: asyncio.Task[None]) -> str | None:
    """The next hint, unless the run enters the queue before it."""
    hint = asyncio.create_task(signals.wait(POLL_SECONDS))
    await asyncio.wait({hint, entering}, return_when=asyncio.FIRST_COMPLETED)
    if hint.done():
        return hint.result()
    hint.cancel()
    return None


def _gave_up(cast_id: str) -> Verdict:
    return Verdict(cast_id=cast_id, outcome=Outcome.LOST, code="QUEUE_TIMEOUT", usage=None)
