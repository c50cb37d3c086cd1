"""Findings on published versions, in Postgres. Fits the port `Findings`.

One transaction brings the findings of a version in line with a verdict, and with them its state,
the log and the outbox: what is told has happened, and what has happened is told.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database, as_jsonb, row_dict
from infra.repositories import finding_words as words
from infra.repositories.notifications import enqueue
from infra.repositories.supply_chain_log import append_entry
from schema.contracts.aftercare import (
    ClockState,
    Finding,
    FindingEnd,
    FindingsChange,
    ListedVersion,
    Reminder,
    VersionRef,
)
from schema.contracts.supply_chain import Decision, Reason
from schema.supply_chain.casting_rules import in_grace
from schema.supply_chain.findings import compare, names_of

_LISTED = text(
    "SELECT spell_key, version, package_digest FROM spell_versions"
    " WHERE (state IN ('published', 'delisted') OR EXISTS (SELECT 1 FROM version_findings f"
    "   WHERE f.spell_key = spell_versions.spell_key AND f.version = spell_versions.version"
    "   AND f.closed_at IS NULL))"
    " AND (spell_key, version) > (:spell_key, :version) ORDER BY spell_key, version LIMIT :limit"
)
_ONE = text(
    "SELECT spell_key, version, package_digest FROM spell_versions"
    " WHERE spell_key = :spell_key AND version = :version"
)
_LOCK = text(
    "SELECT v.state, v.package_digest, s.account_id FROM spell_versions v"
    " JOIN spells s ON s.key = v.spell_key WHERE v.spell_key = :spell_key"
    " AND v.version = :version FOR NO KEY UPDATE OF v"
)
_OPEN = text(
    "SELECT * FROM version_findings WHERE spell_key = :spell_key AND version = :version"
    " AND closed_at IS NULL ORDER BY id"
)
# A version that was yanked and brought back keeps the clock that it had.
_INSERT = text(
    "INSERT INTO version_findings (spell_key, version, advisory_id, aliases, purl, code, message,"
    " details, snapshot, due_at) SELECT :spell_key, :version, :advisory_id,"
    " CAST(:aliases AS jsonb), :purl, :code, :message, CAST(:details AS jsonb), :snapshot,"
    " coalesce((SELECT min(due_at) FROM version_findings WHERE spell_key = :spell_key"
    "   AND version = :version AND purl = :purl AND closed_as = 'withdrawn'"
    "   AND (advisory_id = ANY(:names) OR aliases ?| CAST(:names AS text[]))),"
    "  now() + :grace) RETURNING *"
)
_CLOSE = text(
    "UPDATE version_findings SET closed_at = now(), closed_as = :closed_as WHERE id = :id"
    " AND closed_at IS NULL RETURNING *"
)
_SET_STATE = text(
    "UPDATE spell_versions SET state = :state WHERE spell_key = :spell_key AND version = :version"
    " RETURNING pg_current_xact_id()::text"
)
_DUE = text(
    "SELECT min(due_at) AS due_at, count(*) AS findings FROM version_findings"
    " WHERE spell_key = :spell_key AND version = :version AND closed_at IS NULL"
)


class PostgresFindings:
    """What was found on versions after they were published.

    Args:
        database: hands out transactions.
        grace: how long a maker has from a finding to the delisting.
    """

    def __init__(self, database: Database, grace: timedelta) -> None:
        self._database = database
        self._grace = grace

    async def listed(self, after: VersionRef | None, *, limit: int) -> list[ListedVersion]:
        """Versions that a re-scan looks at, in the order of key and version."""
        place = {"spell_key": "", "version": ""} if after is None else after.model_dump()
        async with self._database.reading() as connection:
            rows = await connection.execute(_LISTED, {**place, "limit": limit})
            return [ListedVersion(**row_dict(row)) for row in rows]

    async def find(self, version: VersionRef) -> ListedVersion:
        """One version, with its package's digest."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_ONE, version.model_dump())).one()
        return ListedVersion(**row_dict(row))

    async def apply(
        self, version: VersionRef, decision: Decision, *, delist_at: datetime | None = None
    ) -> FindingsChange:
        """Bring the findings of a version in line with a verdict of now.

        Args:
            version: whose findings.
            decision: the verdict on its package.
            delist_at: delist it if a finding that stays open is due by then.
        """
        async with self._database.transaction() as connection:
            row = (await connection.execute(_LOCK, version.model_dump())).one()
            change = _Change(connection, version, row, decision, self._grace)
            return await change.make(delist_at)

    async def clock(self, version: VersionRef) -> ClockState:
        """What the clock of a version waits for."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_DUE, version.model_dump())).one()
        return ClockState(due_at=row.due_at, findings=row.findings)

    async def remind(self, reminder: Reminder) -> None:
        """Tell the maker how much time is left, once for each clock and number of days."""
        version = VersionRef(spell_key=reminder.spell_key, version=reminder.version)
        async with self._database.transaction() as connection:
            owner = (await connection.execute(_LOCK, version.model_dump())).one().account_id
            found = await open_findings(connection, version)
            if found:
                await enqueue(connection, words.delisting_near(owner, reminder, found))


async def open_findings(connection: AsyncConnection, version: VersionRef) -> list[Finding]:
    """The open findings of a version, the oldest first."""
    rows = await connection.execute(_OPEN, version.model_dump())
    return [finding_of(row) for row in rows]


async def close_finding(connection: AsyncConnection, finding_id: int, end: FindingEnd) -> Finding:
    """Close an open finding, and write that down."""
    row = (await connection.execute(_CLOSE, {"id": finding_id, "closed_as": end.value})).one()
    finding = finding_of(row)
    await append_entry(connection, words.closed_entry(finding))
    return finding


def finding_of(row: Any) -> Finding:
    """A finding out of its row."""
    return Finding(**row_dict(row))


class _Change:
    """One verdict applied to one version, in the caller's transaction."""

    def __init__(
        self,
        connection: AsyncConnection,
        version: VersionRef,
        row: Any,
        decision: Decision,
        grace: timedelta,
    ) -> None:
        self._connection = connection
        self._version = version
        self._row = row
        self._decision = decision
        self._grace = grace

    async def make(self, delist_at: datetime | None) -> FindingsChange:
        if self._row.state == "yanked":
            return await self._withdraw()
        found = await open_findings(self._connection, self._version)
        comparison = compare(self._decision.reasons, found)
        if self._row.state == "delisted":
            relisted = not comparison.new
            if relisted:
                await self._relist()
            return FindingsChange(relisted=relisted)
        closed = [await self._close(one.id, end) for one, end in comparison.over]
        opened = [await self._open(reason) for reason in comparison.new]
        await self._tell(opened, closed)
        still = await open_findings(self._connection, self._version)
        if delist_at is not None and any(one.due_at <= delist_at for one in still):
            return await self._delist(opened, closed, still)
        return FindingsChange(opened=opened, closed=closed, open=still)

    async def _withdraw(self) -> FindingsChange:
        found = await open_findings(self._connection, self._version)
        return FindingsChange(
            closed=[await self._close(one.id, FindingEnd.WITHDRAWN) for one in found]
        )

    async def _open(self, reason: Reason) -> Finding:
        names = names_of(reason)
        grace = self._grace if in_grace([reason]) else timedelta(0)
        row = {
            **self._version.model_dump(),
            "advisory_id": names[0],
            "aliases": as_jsonb(names[1:]),
            "names": names,
            "purl": reason.subject,
            "code": reason.code,
            "message": reason.message,
            "details": as_jsonb(reason.details),
            "snapshot": self._decision.evidence.snapshot,
            "grace": grace,
        }
        finding = finding_of((await self._connection.execute(_INSERT, row)).one())
        await append_entry(self._connection, words.opened_entry(finding, self._row.package_digest))
        return finding

    async def _close(self, finding_id: int, end: FindingEnd) -> Finding:
        return await close_finding(self._connection, finding_id, end)

    async def _delist(
        self, opened: list[Finding], closed: list[Finding], due: list[Finding]
    ) -> FindingsChange:
        transaction = await self._set_state("delisted")
        ended = [await self._close(one.id, FindingEnd.DELISTED) for one in due]
        entry = words.delisted_entry(self._version, self._row.package_digest, ended, transaction)
        await append_entry(self._connection, entry)
        owner = self._row.account_id
        await enqueue(self._connection, words.delisted(owner, entry))
        return FindingsChange(opened=opened, closed=[*closed, *ended], delisted=True)

    async def _relist(self) -> None:
        transaction = await self._set_state("published")
        entry = words.relisted_entry(
            self._version, self._row.package_digest, self._decision, transaction
        )
        await append_entry(self._connection, entry)
        await enqueue(self._connection, words.relisted(self._row.account_id, entry))

    async def _set_state(self, state: str) -> str:
        parameters = {**self._version.model_dump(), "state": state}
        return str((await self._connection.execute(_SET_STATE, parameters)).scalar_one())

    async def _tell(self, opened: list[Finding], closed: list[Finding]) -> None:
        owner = self._row.account_id
        if opened:
            await enqueue(self._connection, words.opened(owner, opened))
        if closed:
            await enqueue(self._connection, words.closed(owner, closed))
