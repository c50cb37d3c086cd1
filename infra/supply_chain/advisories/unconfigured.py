"""An installation without a source of advisories: operators import archives by the command."""

import logging

from infra.postgres import Database
from infra.supply_chain.advisories.importing import Note
from infra.supply_chain.advisories.postgres_advisories import PostgresAdvisories
from schema.contracts.advisories import ImportReport

_log = logging.getLogger(__name__)


class UnconfiguredImporter:
    """Imports nothing, and says so. Fits the port `AdvisoryImporter`.

    Args:
        database: holds what was imported by the command.
    """

    def __init__(self, database: Database) -> None:
        self._advisories = PostgresAdvisories(database)

    async def import_advisories(self, *, full: bool, note: Note) -> ImportReport:
        """The snapshot as it is."""
        del full
        note("no source is set")
        _log.warning("SPELL_ADVISORY_URL is not set: advisories stay as they were imported last")
        snapshot = await self._advisories.snapshot()
        return ImportReport(snapshot=snapshot, changed=False, sources=[])
