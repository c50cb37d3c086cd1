"""Known vulnerabilities: kept up to date from their sources."""

from temporalio import activity

from activities._failures import to_failure
from activities.supply_chain.ports import AdvisoryImporter
from schema.contracts.advisories import ImportOrder, ImportReport
from schema.errors import SpellError


class AdvisoryActivities:
    """Brings advisories in."""

    def __init__(self, importer: AdvisoryImporter) -> None:
        self._importer = importer

    @activity.defn(name="advisories.import_advisories")
    async def import_advisories(self, order: ImportOrder) -> ImportReport:
        """Import what the sources have published since the last time.

        Effect: records, alias groups and at most one new snapshot, in one transaction.
        Same twice: the second finds nothing that is new, and takes no snapshot.
        Gives up on: nothing; a source that is away is named in the report, all of them are retried.
        Heartbeat: after each fetch, and after every thousand records.
        """
        try:
            return await self._importer.import_advisories(full=order.full, note=activity.heartbeat)
        except SpellError as error:
            raise to_failure(error) from error
