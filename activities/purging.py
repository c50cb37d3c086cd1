"""Housekeeping of workflow mode: inputs that nobody withdrew, deliveries that nobody repeats."""

from typing import Protocol

from temporalio import activity


class Purgeable(Protocol):
    """What drops what is past its time, a few at a time."""

    async def purge(self) -> int:
        """Drop some; how many it were."""


class PurgingActivities:
    """Drops what runs on GitHub Actions left behind.

    Args:
        inputs: of casts whose workflow was terminated before it could withdraw them.
        deliveries: of GitHub, past the time in which it repeats them.
    """

    def __init__(self, inputs: Purgeable, deliveries: Purgeable) -> None:
        self._inputs = inputs
        self._deliveries = deliveries

    @activity.defn(name="purging.actions")
    async def actions(self) -> int:
        """Drop inputs a day after their address ended, and deliveries after a month.

        Effect: blobs and rows removed.
        Same twice: what is gone is not found again.
        Gives up on: nothing; the next look comes within the hour.
        Heartbeat: after each few.
        """
        purged = 0
        for purgeable in (self._inputs, self._deliveries):
            while dropped := await purgeable.purge():
                activity.heartbeat()
                purged += dropped
        return purged
