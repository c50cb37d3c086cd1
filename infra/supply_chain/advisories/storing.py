"""Writes advisories into Postgres: whole imports, each visible at once or not at all.

Everything of an import is one transaction, which its last act gives a snapshot. Who matches
meanwhile sees what was there before. Two imports take turns.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database, as_jsonb
from infra.supply_chain.advisories.groups import Group, group_by_alias
from infra.supply_chain.advisories.stored import AffectedPackage, StoredAdvisory

_TAKE_TURNS = text("SELECT pg_advisory_xact_lock(7305801)")
_KNOWN = text("SELECT id, modified_at, digest FROM advisories WHERE id = ANY(:ids)")
_FORGET = text("DELETE FROM advisories WHERE id = ANY(:ids)")
_LIVE = text(
    "SELECT id, aliases, score, vector, summary, malicious, group_id FROM advisories"
    " WHERE withdrawn_at IS NULL"
)
_GROUPS = text("SELECT id, ids, score, vector, summary, malicious FROM advisory_groups")
_FORGET_GROUPS = text("DELETE FROM advisory_groups WHERE id = ANY(:ids)")
_MOVE = text(
    "UPDATE advisories a SET group_id = m.group_id"
    " FROM unnest(CAST(:ids AS text[]), CAST(:groups AS text[])) AS m (id, group_id)"
    " WHERE a.id = m.id"
)
# Until the server looks by itself, it would plan matches for tables of the size before.
_ANALYZE = text("ANALYZE advisories, advisory_packages, advisory_groups")
_ADVISORY_COLUMNS = (
    *("id", "source", "modified_at", "withdrawn_at", "aliases", "group_id", "summary"),
    *("vectors", "score", "vector", "malicious", "digest"),
)
_PACKAGE_COLUMNS = ("advisory_id", "ecosystem", "release", "name", "ranges", "versions")
_GROUP_COLUMNS = ("id", "ids", "score", "vector", "summary", "malicious")
_COPY_SECONDS_MAX = 300


class AdvisoryWriter:
    """One import under way."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def write(self, advisories: Iterable[StoredAdvisory]) -> int:
        """Keep the new and the changed ones; an older record never takes a newer one's place.

        Returns:
            How many were written.
        """
        newest = _newest_of_each(advisories)
        known = await self._connection.execute(_KNOWN, {"ids": list(newest)})
        for row in known:
            one = newest[row.id]
            if bytes(row.digest) == one.digest or one.modified_at < row.modified_at:
                del newest[row.id]
        if newest:
            await self._connection.execute(_FORGET, {"ids": list(newest)})
            await self._copy("advisories", _ADVISORY_COLUMNS, map(_row, newest.values()))
            packages = [_package_row(one, p) for one in newest.values() for p in one.packages]
            await self._copy("advisory_packages", _PACKAGE_COLUMNS, packages)
        return len(newest)

    async def regroup(self) -> int:
        """Bring the alias groups up to date. Returns how many records are not withdrawn."""
        live = (await self._connection.execute(_LIVE)).all()
        kept = (await self._connection.execute(_GROUPS)).all()
        # Seconds for the records of all ecosystems together: beside the loop.
        change = await asyncio.to_thread(_change_of_groups, live, kept)
        if change.moved:
            moves = {"ids": list(change.moved), "groups": list(change.moved.values())}
            await self._connection.execute(_MOVE, moves)
        if change.gone:
            await self._connection.execute(_FORGET_GROUPS, {"ids": change.gone})
        await self._copy("advisory_groups", _GROUP_COLUMNS, change.new)
        await self._connection.execute(_ANALYZE)
        return len(live)

    async def _copy(
        self, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]
    ) -> None:
        """COPY through asyncpg itself: SQLAlchemy has no word for it."""
        raw = (await self._connection.get_raw_connection()).driver_connection
        assert raw is not None
        await raw.copy_records_to_table(
            table, records=list(rows), columns=columns, timeout=_COPY_SECONDS_MAX
        )


@dataclass(frozen=True)
class _ChangeOfGroups:
    """What makes the kept groups those of the records."""

    moved: dict[str, str]
    """Groups by the records that are not in them yet."""
    gone: list[str]
    new: list[tuple[Any, ...]]


def _change_of_groups(live: Sequence[Any], kept: Sequence[Any]) -> _ChangeOfGroups:
    groups = group_by_alias(live)
    group_of = {member: group.id for group in groups for member in group.members}
    wanted = {group.id: _group_row(group) for group in groups}
    before = {row.id: tuple(row) for row in kept}
    return _ChangeOfGroups(
        moved={row.id: group_of[row.id] for row in live if row.group_id != group_of[row.id]},
        gone=[name for name, row in before.items() if wanted.get(name) != row],
        new=[row for name, row in wanted.items() if before.get(name) != row],
    )


@asynccontextmanager
async def writing(database: Database) -> AsyncIterator[tuple[AdvisoryWriter, AsyncConnection]]:
    """A writer, and the transaction that it writes in."""
    async with database.transaction() as connection:
        await connection.execute(_TAKE_TURNS)
        yield AdvisoryWriter(connection), connection


def _newest_of_each(advisories: Iterable[StoredAdvisory]) -> dict[str, StoredAdvisory]:
    newest: dict[str, StoredAdvisory] = {}
    for one in advisories:
        if one.id not in newest or newest[one.id].modified_at <= one.modified_at:
            newest[one.id] = one
    return newest


def _row(one: StoredAdvisory) -> tuple[Any, ...]:
    return (
        *(one.id, one.source, one.modified_at, one.withdrawn_at, one.aliases, one.id),
        *(one.summary, one.vectors, one.score, one.vector, one.malicious, one.digest),
    )


def _package_row(one: StoredAdvisory, package: AffectedPackage) -> tuple[Any, ...]:
    ranges = as_jsonb([[each.type, each.events] for each in package.ranges])
    return (
        *(one.id, package.ecosystem, package.release, package.name),
        *(ranges, package.versions),
    )


def _group_row(group: Group) -> tuple[Any, ...]:
    return group.id, list(group.ids), group.score, group.vector, group.summary, group.malicious
