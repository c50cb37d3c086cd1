"""What is known of vulnerabilities in published versions: reports, and the public feed."""

from typing import Any

from sqlalchemy import text

from infra.postgres import Database, row_dict
from infra.repositories.findings import finding_of
from schema.contracts.aftercare import VulnerabilityReport
from schema.contracts.supply_chain import Check, Reason
from schema.contracts.supply_chain_log import LogEntryView
from schema.errors import SpellError

_FINDINGS_MAX = 1000
_NEWEST = 2**63 - 1

# Whoever may see the spell may see what is wrong with it.
_VERSION = text(
    "SELECT v.state, d.reasons, d.snapshot, d.decided_at FROM spells s"
    " JOIN spell_versions v ON v.spell_key = s.key JOIN LATERAL ("
    "  SELECT * FROM verification_decisions WHERE package_digest = v.package_digest"
    "  ORDER BY decided_at DESC LIMIT 1) d ON true"
    " WHERE s.key = :key AND v.version = :version"
    " AND (s.visibility <> 'private' OR s.account_id = :account_id)"
)
_FINDINGS = text(
    "SELECT * FROM version_findings WHERE spell_key = :key AND version = :version"
    " ORDER BY id DESC LIMIT :limit"
)
_FEED = text(
    "SELECT l.* FROM supply_chain_log l JOIN spells s ON s.key = l.spell_key"
    " WHERE s.visibility = 'public' AND l.id < :before"
    " AND l.kind IN ('finding_opened', 'finding_closed', 'delisted', 'relisted')"
    " ORDER BY l.id DESC LIMIT :limit"
)


class PostgresVulnerabilities:
    """Reads for makers, casters, and whoever follows the feed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def report(self, account_id: str, key: str, version: str) -> VulnerabilityReport:
        """What the newest verdict and the findings say of one version.

        Raises:
            SpellError: SPELL_NOT_FOUND, also for what this account may not see.
        """
        place: dict[str, Any] = {"key": key, "version": version}
        async with self._database.reading() as connection:
            found = await connection.execute(_VERSION, {**place, "account_id": account_id})
            row = found.one_or_none()
            if row is None:
                raise SpellError("SPELL_NOT_FOUND", details={"spell": key, "version": version})
            findings = (
                await connection.execute(_FINDINGS, {**place, "limit": _FINDINGS_MAX})
            ).all()
        reasons = [Reason.model_validate(each) for each in row.reasons]
        return VulnerabilityReport(
            key=key,
            version=version,
            state=row.state,
            snapshot=row.snapshot,
            decided_at=row.decided_at,
            reasons=[each for each in reasons if each.check is Check.ADVISORIES],
            findings=[finding_of(each) for each in findings],
        )

    async def feed(self, *, before: int | None, limit: int) -> list[LogEntryView]:
        """What happened to findings on public spells, newest first, below an id of the log."""
        parameters = {"before": _NEWEST if before is None else before, "limit": limit}
        async with self._database.reading() as connection:
            rows = await connection.execute(_FEED, parameters)
            return [LogEntryView(**row_dict(row)) for row in rows]
