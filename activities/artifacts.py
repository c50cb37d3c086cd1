"""Housekeeping of artifacts: what casts left is deleted when its time is up."""

from temporalio import activity

from activities.artifact_ports import ExpiredArtifacts
from schema.contracts.maintenance import TidyArtifactsReport

# Of one look; what is left is found by the next one.
DELETED_PER_LOOK_MAX = 10_000


class ArtifactTidying:
    """Deletes outputs, artifacts and error streams."""

    def __init__(self, expired: ExpiredArtifacts) -> None:
        self._expired = expired

    @activity.defn(name="artifacts.tidy")
    async def tidy(self) -> TidyArtifactsReport:
        """Delete what is past its time, a few at a time.

        Effect: content removed from object storage, then the rows that led to it say so.
        Same twice: what is gone is not found again; what was half done is done again.
        Gives up on: nothing; the next look comes within the hour.
        Heartbeat: after each few.
        """
        deleted = 0
        while deleted < DELETED_PER_LOOK_MAX and (gone := await self._expired.purge()):
            activity.heartbeat()
            deleted += gone
        await self._expired.forget_used_links()
        return TidyArtifactsReport(deleted=deleted)
