"""Alembic's entry: runs the migrations over asyncpg on the URL that `infra.migrate` hands it."""

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel

import schema.tables  # noqa: F401  (fills the metadata that `check` compares with)
from infra.postgres import create_engine


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection, target_metadata=SQLModel.metadata, compare_server_default=False
    )
    with context.begin_transaction():
        # A migration that cannot get its lock at once must not make everyone else wait for it.
        connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
        # Two processes that migrate at once take turns.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7305795)")
        context.run_migrations()


async def _run(options: dict[str, Any]) -> None:
    engine = create_engine(options["database_url"], pool_size=1, statement_cache=0)
    async with engine.connect() as connection:
        await connection.run_sync(_migrate)
        await connection.commit()
    await engine.dispose()


asyncio.run(_run(context.config.attributes))
