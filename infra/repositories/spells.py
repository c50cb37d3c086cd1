"""Published spells, in Postgres. Fits the port `SpellStore`, and reads for the API."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database, as_jsonb
from schema.contracts.publish import InspectedPackage, PublishResult
from schema.contracts.run import RunLimits
from schema.contracts.supply_chain import Decision, Evidence
from schema.contracts.views import SpellSummary, VersionView
from schema.errors import SpellError
from schema.pricing import worst_case_of

_OWNER = text("SELECT account_id, visibility FROM spells WHERE key = :key")
_VERSION = text(
    "SELECT package_digest FROM spell_versions WHERE spell_key = :key AND version = :version"
)
_CLAIM = text(
    "INSERT INTO spells (key, account_id, visibility) VALUES (:key, :account_id, :visibility)"
    " ON CONFLICT (key) DO NOTHING"
)
_DECIDE = text(
    "INSERT INTO verification_decisions (package_digest, policy, trust_root, snapshot, passed,"
    " reasons, signer) VALUES (:digest, :policy, :trust_root, :snapshot, :passed,"
    " CAST(:reasons AS jsonb), CAST(:signer AS jsonb)) ON CONFLICT DO NOTHING"
)
_INSERT = text(
    "INSERT INTO spell_versions (spell_key, version, package_digest, module_digest, module_bytes,"
    " entry, mode, target, manifest, schemas, limits, policy, price, state) VALUES (:key,"
    " :version, :digest, :module_digest, :module_bytes, :entry, :mode, :target,"
    " CAST(:manifest AS jsonb), :schemas, CAST(:limits AS jsonb), CAST(:policy AS jsonb),"
    " CAST(:price AS jsonb), 'published')"
)
# A private spell is seen by its maker only; an unlisted one by whoever knows its key.
_LIST = text(
    "SELECT DISTINCT ON (s.key) s.key, v.version, v.mode, v.price, v.manifest, v.published_at"
    " FROM spells s JOIN spell_versions v ON v.spell_key = s.key AND v.state = 'published'"
    " WHERE (s.visibility = 'public' OR s.account_id = :account_id) AND s.key > :after"
    " ORDER BY s.key, v.published_at DESC LIMIT :limit"
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
    " ORDER BY v.published_at DESC LIMIT 100"
)
_SET_STATE = text(
    "UPDATE spell_versions v SET state = :state FROM spells s WHERE s.key = v.spell_key"
    " AND s.key = :key AND v.version = :version AND s.account_id = :account_id"
    " AND v.state <> 'suspended' RETURNING v.version"
)


class PostgresSpells:
    """The catalogue's system of record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record_version(
        self, account_id: str, package: InspectedPackage, decision: Decision
    ) -> PublishResult:
        """Record the decision and the version, claiming the key for a new spell.

        Raises:
            SpellError: VERSION_EXISTS, or FORBIDDEN when the key is another maker's.
        """
        try:
            async with self._database.transaction() as connection:
                created = await _record_version(connection, account_id, package, decision)
        except IntegrityError as error:
            # Two publications of one version at once: the loser reads what the winner wrote.
            if "spell_versions_pkey" not in str(error.orig):
                raise
            async with self._database.transaction() as connection:
                created = await _record_version(connection, account_id, package, decision)
        return PublishResult(
            package_digest=package.package_digest,
            spell_key=package.spell_key,
            version=package.version,
            created=created,
            decision=decision,
        )

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
                    price=row.price,
                    published_at=row.published_at,
                )
                for row in rows
            ]

    async def versions(
        self, account_id: str, key: str, version: str | None = None
    ) -> list[VersionView]:
        """The versions of a spell that this account may see, newest first; at most 100."""
        async with self._database.reading() as connection:
            rows = await connection.execute(
                _VERSIONS, {"account_id": account_id, "key": key, "version": version}
            )
            return [_version_view(row) for row in rows]

    async def set_state(self, account_id: str, key: str, version: str, state: str) -> None:
        """Yank an own version or bring it back. Raises SpellError(SPELL_NOT_FOUND)."""
        async with self._database.transaction() as connection:
            result = await connection.execute(
                _SET_STATE,
                {"account_id": account_id, "key": key, "version": version, "state": state},
            )
            if result.first() is None:
                raise SpellError("SPELL_NOT_FOUND", details={"spell": key, "version": version})


async def _record_version(
    connection: AsyncConnection, account_id: str, package: InspectedPackage, decision: Decision
) -> bool:
    key, version = package.spell_key, package.version
    await connection.execute(
        _CLAIM, {"key": key, "account_id": account_id, "visibility": package.visibility}
    )
    owner = (await connection.execute(_OWNER, {"key": key})).one()
    if owner.account_id != account_id:
        raise SpellError("FORBIDDEN", "This spell's key belongs to another maker.")
    if owner.visibility != package.visibility:
        message = f"must be {owner.visibility!r}, as in the first version: it is the whole spell's"
        errors = [{"line": None, "field": "spell.visibility", "message": message}]
        raise SpellError("MANIFEST_INVALID", details={"errors": errors})
    known = (await connection.execute(_VERSION, {"key": key, "version": version})).one_or_none()
    if known is not None and known.package_digest != package.package_digest:
        details = {"spell": key, "version": version, "package_digest": known.package_digest}
        raise SpellError("VERSION_EXISTS", details=details)
    if known is not None:
        return False
    await connection.execute(
        _DECIDE,
        {
            "digest": package.package_digest,
            "passed": decision.passed,
            **decision.evidence.model_dump(),
            "reasons": as_jsonb(decision.reasons),
            "signer": as_jsonb(decision.signer),
        },
    )
    await connection.execute(_INSERT, _version_row(package))
    return True


def _version_row(package: InspectedPackage) -> dict[str, Any]:
    return {
        "key": package.spell_key,
        "version": package.version,
        "digest": package.package_digest,
        "module_digest": package.module_digest,
        "module_bytes": package.module_bytes,
        "entry": package.entry,
        "mode": package.mode,
        "target": package.target,
        "manifest": as_jsonb(package.manifest),
        "schemas": package.schemas_json.encode("utf-8"),
        "limits": as_jsonb(package.limits),
        "policy": as_jsonb(package.policy),
        "price": as_jsonb(package.price),
    }


def _version_view(row: Any) -> VersionView:
    limits = RunLimits.model_validate(row.limits)
    published_at: datetime = row.published_at
    view = VersionView(
        key=row.spell_key,
        version=row.version,
        state=row.state,
        package_digest=row.package_digest,
        module_digest=row.module_digest,
        module_bytes=row.module_bytes,
        mode=row.mode,
        limits=limits,
        price=row.price,
        worst_case_cost_micros=0,
        manifest=row.manifest,
        schemas=json.loads(bytes(row.schemas)),
        verified=row.passed,
        evidence=Evidence(policy=row.rules, trust_root=row.trust_root, snapshot=row.snapshot),
        reasons=row.reasons,
        signer=row.signer,
        suspension=row.suspension,
        revoked=row.revoked,
        published_at=published_at,
    )
    return view.model_copy(update={"worst_case_cost_micros": worst_case_of(view.price, limits)})
