"""The way to Postgres: one engine per process, transactions at the edge."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from pydantic_core import to_jsonable_python
from sqlalchemy import event, make_url
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from schema.errors import SpellError

# SQLSTATE: connection exception, transaction rollback (deadlock, serialisation), insufficient
# resources, lock not available, operator intervention. Each is worth a repetition.
_AWAY = ("08", "40", "53", "55P03", "57")
# A table was migrated under a statement that a connection had prepared: it is prepared anew.
_PREPARED_BEFORE = AsyncAdapt_asyncpg_dbapi.InvalidCachedStatementError
# character_not_in_repertoire, untranslatable_character.
_NOT_TEXT = frozenset({"22021", "22P05"})


def create_engine(url: str, *, pool_size: int, statement_cache: int) -> AsyncEngine:
    """An asyncpg engine for a `postgresql://` URL.

    Args:
        url: where the database is; a `host` in the query may name a socket folder.
        pool_size: connections kept open at most; more callers than that wait for one.
        statement_cache: prepared statements per connection; 0 behind a transaction pooler.
    """
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=30,
        # Errors name statements, never what was in them.
        hide_parameters=True,
        # A statement that hangs must not hold a connection and its locks for ever.
        connect_args={
            "statement_cache_size": statement_cache,
            "prepared_statement_cache_size": statement_cache,
            "command_timeout": 30,
            "server_settings": {"application_name": "spell", "lock_timeout": "10s"},
        },
        json_serializer=lambda value: json.dumps(value, separators=(",", ":")),
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(connection: Any, record: Any, proxy: Any) -> None:
    """Make the pool replace a connection whose server went away while nobody used it.

    asyncpg has noticed by itself, so this costs no round trip, unlike a ping.
    """
    del record, proxy
    if connection.driver_connection.is_closed():
        raise DisconnectionError


class Database:
    """Hands out transactions. Application code never commits; leaving the block does."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed at the end of the block, rolled back by an exception."""
        with _translated():
            async with self._engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[AsyncConnection]:
        """Single statements that are a transaction each: no BEGIN and COMMIT around them."""
        async with self.reading() as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Single statements that only read: no BEGIN and COMMIT around them."""
        with _translated():
            async with self._engine.connect() as connection:
                yield await connection.execution_options(isolation_level="AUTOCOMMIT")

    async def ping(self) -> None:
        """Raise unless the database answers."""
        async with self._engine.connect() as connection:
            await connection.exec_driver_sql("SELECT 1")

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    """Turn every way in which the database can be away into the catalogue's word for it."""
    try:
        yield
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or ""
        passing = state.startswith(_AWAY) or isinstance(error.orig, _PREPARED_BEFORE)
        if error.connection_invalidated or passing:
            raise _unavailable() from error
        if state in _NOT_TEXT:
            message = "Text with U+0000 or broken characters cannot be used here."
            raise SpellError("VALIDATION_ERROR", message) from error
        raise
    except (OSError, PoolTimeoutError) as error:
        raise _unavailable() from error


def _unavailable() -> SpellError:
    return SpellError("SERVICE_UNAVAILABLE", "The database is away.", retry_after=2)


def as_jsonb(value: Any) -> str | None:
    """The JSON text of models and plain values, for a jsonb parameter; None stays NULL.

    Postgres cannot keep U+0000 in jsonb. Texts of strangers (a schema's complaint about an input,
    a trap's name) may hold it, and must not keep a refusal from being recorded.
    """
    if value is None:
        return None
    plain = to_jsonable_python(value)
    written = json.dumps(plain, separators=(",", ":"))
    # Going through all of it takes longer than writing it down, and hardly ever finds any.
    if "\\u0000" not in written:
        return written
    return json.dumps(_without_nul(plain), separators=(",", ":"))


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(item) for name, item in value.items()}
    return value


def row_dict(row: Any) -> dict[str, Any]:
    """A result row as a plain dictionary."""
    return dict(row._mapping)  # noqa: SLF001  (SQLAlchemy's documented name)
