"""Names of versions and consents of casters, in Postgres. Fits the API's port `SpellAliases`."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database
from infra.repositories.supply_chain_log import append_entry
from schema.contracts.supply_chain_log import DeedKind, LogEntry
from schema.errors import SpellError
from schema.ids import LATEST

_VISIBLE = text(
    "SELECT (SELECT n.version FROM spell_versions n WHERE n.spell_key = s.key"
    "  AND n.state = 'published' AND n.version NOT LIKE '%-%'"
    "  ORDER BY version_numbers(n.version) DESC LIMIT 1) AS latest,"
    " (SELECT jsonb_object_agg(a.alias, a.version) FROM spell_aliases a WHERE a.spell_key = s.key)"
    "  AS named"
    " FROM spells s WHERE s.key = :key"
    " AND (s.visibility <> 'private' OR s.account_id = :account_id)"
)
_OWN = text(
    "SELECT s.key FROM spells s WHERE s.key = :key AND s.account_id = :account_id"
    " AND (CAST(:version AS text) IS NULL OR EXISTS (SELECT FROM spell_versions v"
    "  WHERE v.spell_key = s.key AND v.version = :version)) FOR NO KEY UPDATE"
)
_SET = text(
    "INSERT INTO spell_aliases (spell_key, alias, version) VALUES (:key, :alias, :version)"
    " ON CONFLICT (spell_key, alias) DO UPDATE SET version = excluded.version, updated_at = now()"
    " WHERE spell_aliases.version <> excluded.version RETURNING updated_at"
)
_REMOVE = text(
    "DELETE FROM spell_aliases WHERE spell_key = :key AND alias = :alias"
    " RETURNING version, clock_timestamp() AS removed_at"
)
_CONSENT = text(
    "INSERT INTO consents (account_id, spell_key, version)"
    " SELECT :account_id, v.spell_key, v.version FROM spell_versions v"
    " JOIN spells s ON s.key = v.spell_key WHERE s.key = :key AND v.version = :version"
    " AND (s.visibility <> 'private' OR s.account_id = :account_id)"
    " ON CONFLICT (account_id, spell_key, version) DO UPDATE SET consented_at = now()"
    " RETURNING version"
)


class PostgresSpellAliases:
    """What versions are called, and whom a name may lead where."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def aliases(self, account_id: str, key: str) -> dict[str, str]:
        """Versions by alias, `latest` first. Raises SpellError(SPELL_NOT_FOUND)."""
        async with self._database.reading() as connection:
            parameters = {"key": key, "account_id": account_id}
            row = (await connection.execute(_VISIBLE, parameters)).one_or_none()
        if row is None:
            raise SpellError("SPELL_NOT_FOUND", details={"spell": key})
        named: dict[str, str] = row.named or {}
        return {**({LATEST: row.latest} if row.latest else {}), **dict(sorted(named.items()))}

    async def set_alias(self, account_id: str, key: str, alias: str, version: str) -> None:
        """Name a version of an own spell. Raises SpellError(SPELL_NOT_FOUND)."""
        row = {"key": key, "account_id": account_id, "version": version, "alias": alias}
        async with self._database.transaction() as connection:
            await _check_own(connection, row)
            changed = (await connection.execute(_SET, row)).one_or_none()
            if changed is not None:
                await _log(connection, DeedKind.ALIAS_SET, row, changed.updated_at)

    async def remove_alias(self, account_id: str, key: str, alias: str) -> None:
        """Take a name back. Raises SpellError: SPELL_NOT_FOUND, ALIAS_NOT_FOUND."""
        row = {"key": key, "account_id": account_id, "version": None, "alias": alias}
        async with self._database.transaction() as connection:
            await _check_own(connection, row)
            removed = (await connection.execute(_REMOVE, row)).one_or_none()
            if removed is None:
                raise SpellError("ALIAS_NOT_FOUND", details={"spell": key, "alias": alias})
            named = {**row, "version": removed.version}
            await _log(connection, DeedKind.ALIAS_REMOVED, named, removed.removed_at)

    async def consent(self, account_id: str, key: str, version: str) -> None:
        """Agree to a version's terms. Raises SpellError(SPELL_NOT_FOUND)."""
        row = {"key": key, "account_id": account_id, "version": version}
        async with self._database.transaction() as connection:
            if (await connection.execute(_CONSENT, row)).first() is None:
                raise SpellError("SPELL_NOT_FOUND", details={"spell": key, "version": version})


async def _check_own(connection: AsyncConnection, row: dict[str, Any]) -> None:
    if (await connection.execute(_OWN, row)).first() is None:
        details = {"spell": row["key"], "version": row["version"]}
        raise SpellError("SPELL_NOT_FOUND", details=details)


async def _log(connection: AsyncConnection, kind: DeedKind, row: dict[str, Any], at: Any) -> None:
    entry = LogEntry(
        reference=f"{kind.value}:{row['key']}:{row['alias']}:{at.isoformat()}",
        kind=kind,
        actor=row["account_id"],
        spell_key=row["key"],
        version=row["version"],
        details={"alias": row["alias"]},
    )
    await append_entry(connection, entry)
