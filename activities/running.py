"""Service mode: have the runner fleet run a plan, and keep what comes of it."""

import time

from temporalio import activity

from activities._failures import to_failure
from activities.outputs import Outputs
from activities.ports import RunBus
from activities.verdicts import PUBLISHED, Verdicts, cancelled_before_start
from schema import limits
from schema.contracts.cast import RunOrder, RunOutcome, StopOrder
from schema.errors import SpellError
from schema.names import VERDICT_HINT


class RunningActivities:
    """Runs plans on the fleet.

    Args:
        bus: the way to the runners.
        verdicts: brings about how runs end.
        outputs: judges and keeps what they leave.
    """

    def __init__(self, bus: RunBus, verdicts: Verdicts, outputs: Outputs) -> None:
        self._bus = bus
        self._verdicts = verdicts
        self._outputs = outputs

    @activity.defn(name="running.run")
    async def run(self, order: RunOrder) -> RunOutcome:
        """Have the plan run once, check its output and keep it.

        Effect: a run on the bus, as soon as the caster's lane has room for it; one accepted
            verdict; output and error stream in object storage.
        Same twice: an accepted verdict is taken as it is; a published run is waited for, not
            published again (heartbeat details, then the dedupe window, then the runner's own look
            at the verdict stream).
        Gives up on: nothing by itself; the deadline offers a QUEUE_TIMEOUT verdict.
        Heartbeat: every two seconds, with how far the run is on its way.
        """
        try:
            verdict = await self._verdicts.on(order)
            activity.heartbeat(PUBLISHED)
            return await self._outputs.keep(order, verdict)
        except SpellError as error:
            raise to_failure(error) from error

    @activity.defn(name="running.stop")
    async def stop(self, order: StopOrder) -> None:
        """Make sure that the run has ended or will never begin.

        Effect: a verdict is on the stream: the runner's, with usage so far, or ours without.
        Same twice: the first verdict stays.
        Gives up on: nothing.
        Heartbeat: none; ends within seconds.
        """
        async with self._bus.watch(order.cast_id) as signals:
            if await self._bus.verdict_of(order.cast_id) is not None:
                return
            await self._bus.request_stop(order.cast_id)
            deadline = time.monotonic() + limits.STOP_GRACE.total_seconds()
            while (left := deadline - time.monotonic()) > 0:
                if await signals.wait(left) == VERDICT_HINT:
                    return
        await self._bus.offer_verdict(cancelled_before_start(order.cast_id))
        # A runner may have taken the run since; from now on none does.
        await self._bus.request_stop(order.cast_id)
