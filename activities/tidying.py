"""Housekeeping of publishing: publications that nobody ends, uploads that nobody goes on with."""

from temporalio import activity

from activities.ports import ExpiredUploads, OpenPublications, RunBus, WorkflowStates
from schema.contracts.publish import PublishResult
from schema.ids import publish_workflow_id

# A publication is written down before its archive is stored and its workflow starts.
PUBLICATION_AGE_SECONDS_MIN = 15 * 60
PUBLICATIONS_PER_PAGE = 100


class TidyingActivities:
    """Looks for what publishing left behind."""

    def __init__(
        self,
        publications: OpenPublications,
        uploads: ExpiredUploads,
        workflows: WorkflowStates,
        bus: RunBus,
    ) -> None:
        self._publications = publications
        self._uploads = uploads
        self._workflows = workflows
        self._bus = bus

    @activity.defn(name="tidying.close_publications")
    async def close_publications(self) -> list[str]:
        """End the publications whose workflow is closed, by termination or because it is lost.

        Effect: the publication ended by what became of its package, one transaction each.
        Same twice: an end stays.
        Gives up on: nothing; the next look comes within minutes.
        Heartbeat: after each publication.
        """
        closed: list[str] = []
        left_open = 0
        while results := await self._publications.open_publications(
            older_than_seconds=PUBLICATION_AGE_SECONDS_MIN,
            skip=left_open,
            limit=PUBLICATIONS_PER_PAGE,
        ):
            for result in results:
                activity.heartbeat()
                assert result.publication_id is not None
                if await self._closed(result.publication_id, result):
                    closed.append(result.publication_id)
                else:
                    left_open += 1
        return closed

    @activity.defn(name="tidying.purge_uploads")
    async def purge_uploads(self) -> int:
        """Drop the uploads that are past their time, and their chunks.

        Effect: chunks removed from object storage, then the upload forgotten.
        Same twice: what is gone is not found again.
        Gives up on: nothing; the next look comes within minutes.
        Heartbeat: after each few uploads.
        """
        purged = 0
        while dropped := await self._uploads.purge():
            activity.heartbeat()
            purged += dropped
        return purged

    async def _closed(self, publication_id: str, result: PublishResult) -> bool:
        """End the publication unless its workflow is open; False leaves it where it is."""
        if await self._workflows.is_open(publish_workflow_id(publication_id)):
            return False
        await self._publications.conclude(publication_id, result)
        await self._bus.announce_event(publication_id)
        return True
