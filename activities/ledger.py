"""Keeping the ledger provable: what is written is sealed within seconds."""

import asyncio
from datetime import timedelta

from temporalio import activity

from activities.ledger_ports import LedgerSealer
from schema.contracts.ledger import SealReport

LOOK_EVERY = timedelta(seconds=3)
# One attempt watches about as long as the schedule waits for the next, which begins at its end.
LOOKS = 20


class LedgerActivities:
    """Seals the ledger."""

    def __init__(self, sealer: LedgerSealer, look_every: timedelta = LOOK_EVERY) -> None:
        self._sealer = sealer
        self._look_every = look_every

    @activity.defn(name="ledger.seal")
    async def seal(self) -> SealReport:
        """Seal what has been written, look after look, for about a minute.

        Effect: seals appended, each anchored in object storage.
        Same twice: a transfer is under one seal; an anchor that is missing is made up for.
        Gives up on: nothing; the next look comes within a minute.
        Heartbeat: after each look.
        """
        seals = rows = 0
        for look in range(LOOKS):
            if look and await _stopping_within(self._look_every):
                break
            while (made := await self._sealer.seal()).seals:
                activity.heartbeat()
                seals, rows = seals + made.seals, rows + made.rows
            activity.heartbeat()
        return SealReport(seals=seals, rows=rows)


async def _stopping_within(pause: timedelta) -> bool:
    """Wait; True when the worker is to stop before that."""
    try:
        await asyncio.wait_for(activity.wait_for_worker_shutdown(), pause.total_seconds())
    except TimeoutError:
        return False
    return True
