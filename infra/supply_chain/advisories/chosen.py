"""Which adapters this installation's settings ask for."""

from datetime import UTC, datetime

from infra.postgres import Database
from infra.settings import PlatformSettings
from infra.supply_chain.advisories.bucket import BucketImporter
from infra.supply_chain.advisories.osv_api import OsvApiAdvisories
from infra.supply_chain.advisories.postgres_advisories import PostgresAdvisories
from infra.supply_chain.advisories.unconfigured import UnconfiguredImporter


def chosen_advisories(
    settings: PlatformSettings, database: Database
) -> PostgresAdvisories | OsvApiAdvisories:
    """What matches: OSV's API when one is set, else what was imported."""
    if settings.advisory_api_url:
        return OsvApiAdvisories(settings.advisory_api_url, lambda: datetime.now(UTC))
    return PostgresAdvisories(database)


def chosen_importer(
    settings: PlatformSettings, database: Database
) -> BucketImporter | UnconfiguredImporter:
    """What imports: from a bucket when one is set."""
    if not settings.advisory_url:
        return UnconfiguredImporter(database)
    return BucketImporter(database, settings.advisory_url, settings.advisory_ecosystems)
