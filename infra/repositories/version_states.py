"""What makers do to their published versions: withdraw them, and bring them back."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.repositories.findings import close_finding, open_findings
from infra.repositories.supply_chain_log import append_entry
from schema.contracts.aftercare import FindingEnd, VersionRef
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
_DEEDS = {"yanked": DeedKind.YANKED, "published": DeedKind.UNYANKED}


async def change_state(
    connection: AsyncConnection, account_id: str, version: VersionRef, state: str
) -> None:
    """Yank an own version or bring it back; what is as it should be stays so, unlogged.

    A yanked version waits for nothing: its findings are closed. One that was delisted is brought
    back by newer advisories or an exception, never by its maker.

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
        return
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
