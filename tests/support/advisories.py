"""A database of its own for advisories: what one test imports, no other one matches."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import make_url, text

from infra import migrate
from infra.embedded.platform import EmbeddedPlatform
from infra.postgres import Database, create_engine
from infra.supply_chain.advisories.archives import local_sources
from infra.supply_chain.advisories.importing import import_sources
from schema.contracts.advisories import ImportReport
from schema.contracts.bill import Component
from tests.support.servers import opened


@asynccontextmanager
async def fresh_database(servers: EmbeddedPlatform) -> AsyncIterator[Database]:
    """A migrated, empty database beside the session's, gone afterwards."""
    name = f"advisories_{uuid.uuid4().hex}"
    url = servers.endpoints.database_url
    await _outside(url, f"CREATE DATABASE {name}")
    own = make_url(url).set(database=name).render_as_string(hide_password=False)
    try:
        await asyncio.to_thread(migrate.upgrade, own)
        async with opened(own) as database:
            yield database
    finally:
        await _outside(url, f"DROP DATABASE {name}")


async def _outside(url: str, statement: str) -> None:
    """Run what no transaction may hold.

    Dropping goes without `WITH (FORCE)`: that would need the right to end the autovacuum worker
    of the superuser, which happens to be at work there; a plain drop asks it to leave.
    """
    engine = create_engine(url, pool_size=1, statement_cache=0)
    try:
        async with engine.connect() as connection:
            outside = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await outside.execute(text(statement))
    finally:
        await engine.dispose()


async def import_path(database: Database, path: Path, *, full: bool = True) -> ImportReport:
    """Import what lies at a path."""
    return await import_sources(database, local_sources(path), full=full, note=lambda _: None)


def component(purl: str | None) -> Component:
    """A component with nothing but its purl."""
    return Component(ref=purl or "none", name="it", purl=purl)
