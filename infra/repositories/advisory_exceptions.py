"""Advisory exceptions in Postgres. Fits the port `AdvisoryExceptions`, and serves the API.

An exception is never changed or deleted: removing it is recorded with who did it, so that a
decision made under it can always be explained.
"""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database, row_dict
from infra.repositories.supply_chain_log import append_entry
from schema.contracts.advisories import RecordedException
from schema.contracts.supply_chain import AdvisoryException
from schema.contracts.supply_chain_log import DeedKind, LogEntry
from schema.errors import SpellError
from schema.ids import new_exception_id
from schema.supply_chain.advisory_rules import EXCEPTION_DAYS_MAX

_ADD = text(
    "INSERT INTO advisory_exceptions"
    " (id, advisory_id, purl, spell_key, justification, statement, added_by, expires_at)"
    " VALUES (:id, :advisory_id, :purl, :spell_key, :justification, :statement, :added_by,"
    " :expires_at) RETURNING *"
)
_NOW = text("SELECT now()")
_IN_FORCE = text(
    "SELECT * FROM advisory_exceptions"
    " WHERE removed_at IS NULL AND expires_at > now()"
    " AND (spell_key IS NULL OR spell_key = :spell_key) ORDER BY added_at, id"
)
_ALL_IN_FORCE = text(
    "SELECT * FROM advisory_exceptions WHERE removed_at IS NULL AND expires_at > now()"
    " ORDER BY added_at, id"
)
_ALL = text(
    "SELECT * FROM advisory_exceptions"
    " WHERE (:ended OR (removed_at IS NULL AND expires_at > now())) AND id > :after"
    " ORDER BY id LIMIT :limit"
)
_REMOVE = text(
    "UPDATE advisory_exceptions SET removed_at = now(), removed_by = :removed_by"
    " WHERE id = :id AND removed_at IS NULL RETURNING *"
)


class PostgresAdvisoryExceptions:
    """What operators said does not affect, with their names."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, exception: AdvisoryException) -> RecordedException:
        """Record an exception; it counts from the next decision on.

        Raises:
            SpellError: VALIDATION_ERROR, it ends in the past or in more than a year.
        """
        row = {"id": new_exception_id(), **exception.model_dump()}
        row["justification"] = exception.justification.value
        async with self._database.transaction() as connection:
            now = (await connection.execute(_NOW)).scalar_one()
            if not now < exception.expires_at <= now + timedelta(days=EXCEPTION_DAYS_MAX):
                message = f"An exception ends in the future, {EXCEPTION_DAYS_MAX} days at most."
                raise SpellError("VALIDATION_ERROR", message)
            made = _recorded((await connection.execute(_ADD, row)).one())
            await _log(connection, DeedKind.EXCEPTION_MADE, exception.added_by, made)
            return made

    async def in_force(self, spell_key: str | None = None) -> list[AdvisoryException]:
        """Exceptions neither removed nor expired: of one spell and of every spell."""
        async with self._database.reading() as connection:
            rows = await connection.execute(_IN_FORCE, {"spell_key": spell_key})
            return [_recorded(row) for row in rows]

    async def all_in_force(self) -> list[AdvisoryException]:
        """Exceptions neither removed nor expired, of whatever spell."""
        async with self._database.reading() as connection:
            return [_recorded(row) for row in await connection.execute(_ALL_IN_FORCE)]

    async def exceptions(
        self, *, ended: bool = False, after: str = "", limit: int = 100
    ) -> list[RecordedException]:
        """Exceptions in the order of their ids, above `after`; ended ones too when asked for."""
        wanted = {"ended": ended, "after": after, "limit": limit}
        async with self._database.reading() as connection:
            return [_recorded(row) for row in await connection.execute(_ALL, wanted)]

    async def remove(self, exception_id: str, removed_by: str) -> RecordedException:
        """End an exception now.

        Raises:
            SpellError: EXCEPTION_NOT_FOUND, it is not there or was removed before.
        """
        wanted = {"id": exception_id, "removed_by": removed_by}
        async with self._database.transaction() as connection:
            row = (await connection.execute(_REMOVE, wanted)).one_or_none()
            if row is None:
                raise SpellError("EXCEPTION_NOT_FOUND", details={"id": exception_id})
            removed = _recorded(row)
            await _log(connection, DeedKind.EXCEPTION_REMOVED, removed_by, removed)
        return removed


async def _log(
    connection: AsyncConnection, kind: DeedKind, actor: str, exception: RecordedException
) -> None:
    said = {"advisory_id", "purl", "justification", "statement", "expires_at"}
    entry = LogEntry(
        reference=f"{kind.value}:{exception.id}",
        kind=kind,
        actor=actor,
        spell_key=exception.spell_key,
        details={"exception": exception.id, **exception.model_dump(mode="json", include=said)},
    )
    await append_entry(connection, entry)


def _recorded(row: object) -> RecordedException:
    return RecordedException(**row_dict(row))
