"""Tells operators of the runs that the fleet gives up on."""

import logging

from runner.ports import Delivery, RunnerBus
from runner.run_requests import UnreadableRunError
from schema.contracts.run import DeadReason, DeadRun
from schema.errors import SpellError

_CAUSE_CHARS_MAX = 500
_HEAD_CHARS_MAX = 4096

_log = logging.getLogger(__name__)


class DeadRuns:
    """Writes down dead runs. It never fails: a run ends in its verdict, whoever hears of it here.

    Args:
        bus: where they are kept.
        runner_id: the name of this process.
    """

    def __init__(self, bus: RunnerBus, runner_id: str) -> None:
        self._bus = bus
        self._runner_id = runner_id

    async def lost(self, cast_id: str, deliveries: int, cause: str) -> None:
        """Note a run that ends as RUNNER_LOST; none of its inputs are noted."""
        await self._note(
            DeadRun(
                reason=DeadReason.LOST,
                cast_id=cast_id,
                runner_id=self._runner_id,
                deliveries=deliveries,
                cause=cause[:_CAUSE_CHARS_MAX],
            )
        )

    async def unreadable(self, delivery: Delivery, error: UnreadableRunError) -> None:
        """Note a message that no runner could read, with its beginning."""
        body = delivery.body
        await self._note(
            DeadRun(
                reason=DeadReason.UNREADABLE,
                cast_id=error.cast_id,
                runner_id=self._runner_id,
                deliveries=delivery.number,
                cause=str(error)[:_CAUSE_CHARS_MAX],
                message_bytes=len(body),
                message_head=body[:_HEAD_CHARS_MAX].decode("utf-8", "replace"),
            )
        )

    async def _note(self, dead: DeadRun) -> None:
        _log.error("a run is given up: %s", dead.cause, extra={"cast_id": dead.cast_id})
        try:
            await self._bus.bury(dead)
        except SpellError as error:
            _log.warning("a dead run is not noted: %s", error, extra={"cast_id": dead.cast_id})
