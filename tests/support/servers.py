"""Real servers for tests: the embedded platform, with or without our own processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from infra import migrate
from infra.embedded.platform import EmbeddedPlatform
from infra.postgres import Database, create_engine


@asynccontextmanager
async def running_servers(folder: Path) -> AsyncIterator[EmbeddedPlatform]:
    """Postgres, Temporal, NATS and Redis on free ports, with the tables made."""
    async with EmbeddedPlatform(folder / "spell", usual_ports=False) as platform:
        # Alembic runs its own event loop.
        await asyncio.to_thread(migrate.upgrade, platform.endpoints.database_url)
        yield platform


@asynccontextmanager
async def opened(database_url: str) -> AsyncIterator[Database]:
    """Connections to a database."""
    database = Database(create_engine(database_url, pool_size=10, statement_cache=100))
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def scratch_database() -> AsyncIterator[Database]:
    """A database of its own, for scripts."""
    with TemporaryDirectory() as folder:
        async with (
            running_servers(Path(folder)) as platform,
            opened(platform.endpoints.database_url) as database,
        ):
            yield database
