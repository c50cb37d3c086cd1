"""Fixtures that start real things."""

from collections.abc import AsyncIterator

import pytest

from infra.postgres import Database, create_engine


@pytest.fixture(scope="session")
def database_url() -> str:
    return "postgresql://postgres@/postgres?host=/tmp/w/pgdata"


@pytest.fixture(scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(create_engine(database_url, pool_size=10, statement_cache=100))
    yield database
    await database.close()
