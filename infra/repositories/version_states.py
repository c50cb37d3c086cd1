"""What makers do to their published versions: withdraw them, and bring them back."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.repositories import finding_words as words
from infra.repositories.findings import close_finding, finding_of, open_findings
from infra.repositories.notifications import enqueue
from infra.repositories.supply_chain_log import append_entry
from schema.contracts.aftercare import Finding, FindingEnd, VersionRef
from schema.contracts.supply_chain_log import DeedKind, LogEntry
from schema.errors import SpellError

_LOCK_OWN = text(
    "SELECT v.state, v.package_digest FROM spell_versions v JOIN spells s ON s.key = v.spell_key"
    " WHERE s.key = :spell_key AND v.version = :version AND s.account_id = :account_id"
    " FOR NO KEY UPDATE OF v"
)
_SET_STATE = text(
    "UPDATE spell_versions SET state = :state WHERE spell_key = :spell_key AND version = :version"
    " RETURNING pg_current_xact_id()::text"
)
# Yanked while they were open, never seen mended, and past their time by now.
_OVERDUE = text(
    "SELECT * FROM version_findings f WHERE f.spell_key = :spell_key AND f.version = :version"
    " AND f.closed_as = 'withdrawn' AND f.due_at <= now() AND NOT EXISTS ("
    "  SELECT FROM version_findings later WHERE later.spell_key = f.spell_key"
    "  AND later.version = f.version AND later.purl = f.purl AND later.id > f.id"
    "  AND later.closed_as IN ('fixed', 'excepted')) AND NOT EXISTS ("
    "  SELECT FROM supply_chain_log l WHERE l.spell_key = f.spell_key AND l.version = f.version"
    "  AND l.kind = 'relisted' AND l.created_at > f.closed_at) ORDER BY f.id"
)
_DEEDS = {"yanked": DeedKind.YANKED, "published": DeedKind.UNYANKED}


async def change_state(
    connection: AsyncConnection, account_id: str, version: VersionRef, state: str
) -> bool:
    """Yank an own version or bring it back; what is as it should be stays so, unlogged.

    A yanked version waits for nothing: its findings are closed. One that was delisted is brought
    back by newer advisories or an exception, never by its maker; and one whose time ran out while
    it was yanked comes back delisted, so that nobody yanks it just for the hour of the re-scan.

    Returns:
        False when it came back delisted.

    Raises:
        SpellError: SPELL_NOT_FOUND, SPELL_DELISTED.
    """
    place = version.model_dump()
    locked = await connection.execute(_LOCK_OWN, {**place, "account_id": account_id})
    row = locked.one_or_none()
    details = {"spell": version.spell_key, "version": version.version}
    if row is None or row.state == "suspended":
        raise SpellError("SPELL_NOT_FOUND", details=details)
    if row.state == "delisted":
        raise SpellError("SPELL_DELISTED", details=details)
    if row.state == state:
        return True
    if state == "published":
        overdue = [finding_of(each) for each in await connection.execute(_OVERDUE, place)]
        if overdue:
            await _delist(connection, version, row, account_id, overdue)
            return False
    changed = await connection.execute(_SET_STATE, {**place, "state": state})
    transaction = changed.scalar_one()
    await append_entry(
        connection,
        LogEntry(
            reference=f"{_DEEDS[state]}:{version.spell_key}:{version.version}:{transaction}",
            kind=_DEEDS[state],
            actor=account_id,
            spell_key=version.spell_key,
            version=version.version,
            package_digest=row.package_digest,
        ),
    )
    if state == "yanked":
        for finding in await open_findings(connection, version):
            await close_finding(connection, finding.id, FindingEnd.WITHDRAWN)
    return True


async def _delist(
    connection: AsyncConnection,
    version: VersionRef,
    row: Any,
    account_id: str,
    overdue: list[Finding],
) -> None:
    changed = await connection.execute(_SET_STATE, {**version.model_dump(), "state": "delisted"})
    entry = words.delisted_entry(version, row.package_digest, overdue, changed.scalar_one())
    await append_entry(connection, entry)
    await enqueue(connection, words.delisted(account_id, entry))
