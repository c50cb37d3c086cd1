"""Published spells, in Postgres. Fits the port `SpellStore`, and reads for the API."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from infra.postgres import Database
from infra.repositories.version_records import record_version
from infra.repositories.version_states import change_state
from schema.contracts.aftercare import VersionRef
from schema.contracts.plans import worst_cases_of
from schema.contracts.publish import InspectedPackage, PublishResult
from schema.contracts.supply_chain import Decision, Evidence, PackageEvidence
from schema.contracts.views import SpellSummary, VersionView
from schema.errors import SpellError
from schema.supply_chain.version_order import precedence

# A private spell is seen by its maker only; an unlisted one by whoever knows its key.
_LIST = text(
    "SELECT DISTINCT ON (s.key) s.key, v.version, v.mode, v.modes, v.price, v.manifest,"
    "  v.published_at"
    " FROM spells s JOIN spell_versions v ON v.spell_key = s.key AND v.state = 'published'"
    "  AND v.version NOT LIKE '%-%'"
    " WHERE (s.visibility = 'public' OR s.account_id = :account_id) AND s.key > :after"
    " ORDER BY s.key, version_numbers(v.version) DESC LIMIT :limit"
)
_VERSIONS = text(
    "SELECT v.*, d.passed, d.policy AS rules, d.trust_root, d.snapshot, d.reasons, d.signer,"
    " (SELECT jsonb_build_object('reason', x.reason, 'suspended_by', x.suspended_by,"
    "   'suspended_at', x.suspended_at) FROM spell_suspensions x"
    "  WHERE x.spell_key = s.key AND x.lifted_at IS NULL) AS suspension,"
    " (SELECT details FROM revoked_versions r WHERE r.spell_key = v.spell_key"
    "  AND r.version = v.version LIMIT 1) AS revoked"
    " FROM spells s JOIN spell_versions v ON v.spell_key = s.key JOIN LATERAL ("
    "  SELECT * FROM verification_decisions WHERE package_digest = v.package_digest"
    "  ORDER BY decided_at DESC LIMIT 1) d ON true"
    " WHERE s.key = :key AND (s.visibility <> 'private' OR s.account_id = :account_id)"
    " AND (CAST(:version AS text) IS NULL OR v.version = :version)"
    " ORDER BY version_numbers(v.version) DESC, v.published_at DESC LIMIT 100"
)


class PostgresSpells:
    """The catalogue's system of record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record_version(
        self, evidence: PackageEvidence, package: InspectedPackage, decision: Decision
    ) -> PublishResult:
        """Record evidence, decision and version, claiming the key for a new spell.

        Raises:
            SpellError: VERSION_EXISTS; FORBIDDEN, the key is another maker's; MANIFEST_INVALID,
                another visibility than the spell's; SPELL_UNVERIFIED, another signer was pinned.
        """
        try:
            created = await self._record(evidence, package, decision)
        except IntegrityError as error:
            # Two publications of one version at once: the loser reads what the winner wrote.
            if "spell_versions_pkey" not in str(error.orig):
                raise
            created = await self._record(evidence, package, decision)
        return PublishResult(
            package_digest=package.package_digest,
            spell_key=package.spell_key,
            version=package.version,
            created=created,
            decision=decision,
        )

    async def _record(
        self, evidence: PackageEvidence, package: InspectedPackage, decision: Decision
    ) -> bool:
        async with self._database.transaction() as connection:
            return await record_version(connection, evidence, package, decision)

    async def summaries(self, account_id: str, *, after: str, limit: int) -> list[SpellSummary]:
        """Public spells and the account's own, by key, each with its newest version."""
        async with self._database.reading() as connection:
            rows = await connection.execute(
                _LIST, {"account_id": account_id, "after": after, "limit": limit}
            )
            return [
                SpellSummary(
                    key=row.key,
                    name=row.manifest["spell"]["name"],
                    description=row.manifest["spell"]["description"],
                    version=row.version,
                    mode=row.mode,
                    modes=row.modes,
                    price=row.price,
                    published_at=row.published_at,
                )
                for row in rows
            ]

    async def versions(
        self, account_id: str, key: str, version: str | None = None
    ) -> list[VersionView]:
        """The versions of a spell that this account may see, highest first; at most 100."""
        async with self._database.reading() as connection:
            rows = await connection.execute(
                _VERSIONS, {"account_id": account_id, "key": key, "version": version}
            )
            found = [_version_view(row) for row in rows]
        return sorted(found, key=lambda view: precedence(view.version), reverse=True)

    async def set_state(self, account_id: str, key: str, version: str, state: str) -> None:
        """Yank an own version or bring it back, as `change_state` says."""
        async with self._database.transaction() as connection:
            ref = VersionRef(spell_key=key, version=version)
            listed = await change_state(connection, account_id, ref, state)
        if not listed:
            raise SpellError("SPELL_DELISTED", details={"spell": key, "version": version})


def _version_view(row: Any) -> VersionView:
    published_at: datetime = row.published_at
    view = VersionView(
        key=row.spell_key,
        version=row.version,
        state=row.state,
        package_digest=row.package_digest,
        module_digest=row.module_digest,
        module_bytes=row.module_bytes,
        mode=row.mode,
        modes=row.modes,
        fallback=row.fallback,
        limits=row.limits,
        actions=row.actions,
        clone=row.clone,
        price=row.price,
        worst_case_cost_micros=0,
        manifest=row.manifest,
        schemas=json.loads(bytes(row.schemas)) if row.schemas is not None else None,
        verified=row.passed,
        evidence=Evidence(policy=row.rules, trust_root=row.trust_root, snapshot=row.snapshot),
        reasons=row.reasons,
        signer=row.signer,
        suspension=row.suspension,
        revoked=row.revoked,
        published_at=published_at,
    )
    costs = worst_cases_of(view.price, view.limits, view.actions, view.clone)
    hold = max(costs[mode] for mode in (view.mode, view.fallback) if mode is not None)
    return view.model_copy(update={"worst_case_cost_micros": hold, "worst_case_by_mode": costs})
