"""Fixtures that start real things, once for all tests, and only when a test asks for them."""

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from infra.embedded.platform import EmbeddedPlatform
    from infra.postgres import Database


# Imported where they are used: a unit test must not need what only integration tests need.
@pytest.fixture(scope="session")
async def servers() -> "AsyncIterator[EmbeddedPlatform]":
    """Postgres, Temporal, NATS and Redis, without our own processes."""
    from tests.support.servers import running_servers

    # Not pytest's own folder: it takes away the access that Postgres' account needs.
    with TemporaryDirectory(prefix="spell-tests-") as folder:
        async with running_servers(Path(folder)) as platform:
            yield platform


@pytest.fixture(scope="session")
async def database(servers: "EmbeddedPlatform") -> "AsyncIterator[Database]":
    """The migrated database of the session's servers."""
    from tests.support.servers import opened

    async with opened(servers.endpoints.database_url) as opened_database:
        yield opened_database
