"""Housekeeping around GitHub: inputs nobody withdrew, deliveries and codes past their time."""

from typing import Protocol

from temporalio import activity


class Purgeable(Protocol):
    """What drops what is past its time, a few at a time."""

    async def purge(self) -> int:
        """Drop some; how many it were."""


class PurgingActivities:
    """Drops what runs on GitHub Actions, and people on their way to connect, left behind.

    Args:
        inputs: of casts whose workflow was terminated before it could withdraw them.
        deliveries: of GitHub, past the time in which it repeats them.
        codes: that nobody confirmed in time.
    """

    def __init__(self, inputs: Purgeable, deliveries: Purgeable, codes: Purgeable) -> None:
        self._purgeables = (inputs, deliveries, codes)

    @activity.defn(name="purging.actions")
    async def actions(self) -> int:
        """Drop inputs a day after their address ended, deliveries after a month, expired codes.

        Effect: blobs and rows removed.
        Same twice: what is gone is not found again.
        Gives up on: nothing; the next look comes within the hour.
        Heartbeat: after each few.
        """
        purged = 0
        for purgeable in self._purgeables:
            while dropped := await purgeable.purge():
                activity.heartbeat()
                purged += dropped
        return purged
