"""The supply-chain audit log, in Postgres. Fits the port `SupplyChainLog`, and reads for the API.

The table refuses UPDATE, DELETE and TRUNCATE. Other repositories write a deed down in the
transaction that does it, by `append_entry`.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database, as_jsonb, row_dict
from schema.contracts.supply_chain_log import DeedKind, LogEntry, LogEntryView

_APPEND = text(
    "INSERT INTO supply_chain_log (reference, kind, actor, spell_key, version, package_digest,"
    " details) VALUES (:reference, :kind, :actor, :spell_key, :version, :package_digest,"
    " CAST(:details AS jsonb)) ON CONFLICT (reference) DO NOTHING RETURNING id"
)
# A maker sees what was done to own spells, and what the account itself did.
_ENTRIES = text(
    "SELECT l.* FROM supply_chain_log l WHERE l.id < :before"
    " AND (CAST(:account_id AS text) IS NULL OR l.actor = :account_id"
    # Whose key a refused package names is whatever it says: it concerns who sent it.
    "  OR l.kind <> 'refused' AND EXISTS (SELECT 1 FROM spells s"
    "   WHERE s.key = l.spell_key AND s.account_id = :account_id))"
    " AND (CAST(:spell_key AS text) IS NULL OR l.spell_key = :spell_key)"
    " AND (CAST(:kind AS text) IS NULL OR l.kind = :kind)"
    " ORDER BY l.id DESC LIMIT :limit"
)
_NEWEST = 2**63 - 1


async def append_entry(connection: AsyncConnection, entry: LogEntry) -> bool:
    """Write a deed down in the transaction that does it; False when its reference is there."""
    row = {**entry.model_dump(exclude={"details"}), "details": as_jsonb(entry.details)}
    return (await connection.execute(_APPEND, row)).first() is not None


class PostgresSupplyChainLog:
    """Who did what to which spell, and what the checks said."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, entry: LogEntry) -> bool:
        """Write a deed down once; False when one of this reference is there already."""
        async with self._database.transaction() as connection:
            return await append_entry(connection, entry)

    async def entries(
        self,
        account_id: str | None,
        *,
        spell_key: str | None,
        kind: DeedKind | None,
        before: int | None,
        limit: int,
    ) -> list[LogEntryView]:
        """Deeds, newest first, below an id.

        Args:
            account_id: whose spells and deeds; None for everybody's.
            spell_key: only this spell's.
            kind: only these.
            before: the id that the page before ended with.
            limit: how many at most.
        """
        parameters = {
            "account_id": account_id,
            "spell_key": spell_key,
            "kind": kind,
            "before": _NEWEST if before is None else before,
            "limit": limit,
        }
        async with self._database.reading() as connection:
            rows = await connection.execute(_ENTRIES, parameters)
            return [LogEntryView(**row_dict(row)) for row in rows]
