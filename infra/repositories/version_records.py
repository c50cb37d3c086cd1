"""How a package that passed becomes a version: one transaction, all of it or nothing."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import as_jsonb
from infra.repositories.decisions import record_decision
from infra.repositories.package_evidence import keep_evidence
from infra.repositories.signing_identities import pin_identity
from infra.repositories.supply_chain_log import append_entry
from schema.contracts.publish import InspectedPackage
from schema.contracts.supply_chain import Decision, PackageEvidence, Signer
from schema.contracts.supply_chain_log import DeedKind, LogEntry
from schema.errors import SpellError
from schema.supply_chain.identities import identity_reasons, rule_of
from schema.supply_chain.verdicts import by_check, unverified, with_standing

_OWNER = text("SELECT account_id, visibility FROM spells WHERE key = :key")
_VERSION = text(
    "SELECT package_digest FROM spell_versions WHERE spell_key = :key AND version = :version"
)
_CLAIM = text(
    "INSERT INTO spells (key, account_id, visibility) VALUES (:key, :account_id, :visibility)"
    " ON CONFLICT (key) DO NOTHING"
)
_INSERT = text(
    "INSERT INTO spell_versions (spell_key, version, package_digest, module_digest, module_bytes,"
    " entry, mode, modes, fallback, target, manifest, schemas, limits, policy, actions, clone,"
    " price, state) VALUES (:key, :version, :digest, :module_digest, :module_bytes, :entry, :mode,"
    " CAST(:modes AS text[]), :fallback, :target, CAST(:manifest AS jsonb), :schemas,"
    " CAST(:limits AS jsonb), CAST(:policy AS jsonb), CAST(:actions AS jsonb),"
    " CAST(:clone AS jsonb), CAST(:price AS jsonb), 'published')"
)


async def record_version(
    connection: AsyncConnection,
    evidence: PackageEvidence,
    package: InspectedPackage,
    decision: Decision,
) -> bool:
    """Record what passed, in the caller's transaction; False when this very version is there.

    Raises:
        SpellError: VERSION_EXISTS; FORBIDDEN, the key is another maker's; MANIFEST_INVALID, another
            visibility than the spell's; SPELL_UNVERIFIED, another signer was pinned meanwhile.
    """
    await _claim(connection, evidence.account_id, package)
    if await _is_there(connection, package):
        return False
    if decision.signer is not None:
        await _pin(connection, evidence, decision, decision.signer)
    await keep_evidence(connection, evidence)
    await record_decision(connection, decision)
    await connection.execute(_INSERT, _row_of(package))
    await append_entry(connection, _entry_of(evidence, decision))
    return True


async def _claim(connection: AsyncConnection, account_id: str, package: InspectedPackage) -> None:
    """Make sure that the spell is this account's; a new one becomes it."""
    key = package.spell_key
    claim = {"key": key, "account_id": account_id, "visibility": package.visibility}
    await connection.execute(_CLAIM, claim)
    owner = (await connection.execute(_OWNER, {"key": key})).one()
    if owner.account_id != account_id:
        raise SpellError("FORBIDDEN", "This spell's key belongs to another maker.")
    if owner.visibility != package.visibility:
        message = f"must be {owner.visibility!r}, as in the first version: it is the whole spell's"
        errors = [{"line": None, "field": "spell.visibility", "message": message}]
        raise SpellError("MANIFEST_INVALID", details={"errors": errors})


async def _is_there(connection: AsyncConnection, package: InspectedPackage) -> bool:
    key, version = package.spell_key, package.version
    found = await connection.execute(_VERSION, {"key": key, "version": version})
    known = found.scalar_one_or_none()
    if known is not None and known != package.package_digest:
        details = {"spell": key, "version": version, "package_digest": known}
        raise SpellError("VERSION_EXISTS", details=details)
    return known is not None


async def _pin(
    connection: AsyncConnection, evidence: PackageEvidence, decision: Decision, signer: Signer
) -> None:
    """Trust the first signer of a spell from now on; whoever else was first must have been them."""
    allowed = await pin_identity(
        connection, evidence.account_id, evidence.spell_key, rule_of(signer)
    )
    reasons = identity_reasons(signer, None, allowed)
    if reasons:
        raise unverified(with_standing(decision, reasons))


def _entry_of(evidence: PackageEvidence, decision: Decision) -> LogEntry:
    return LogEntry(
        reference=f"published:{evidence.spell_key}:{evidence.version}",
        kind=DeedKind.PUBLISHED,
        actor=evidence.account_id,
        spell_key=evidence.spell_key,
        version=evidence.version,
        package_digest=evidence.package_digest,
        details={
            "checks": by_check(decision),
            "evidence": decision.evidence.model_dump(),
            "signer": decision.signer and decision.signer.model_dump(mode="json"),
        },
    )


def _row_of(package: InspectedPackage) -> dict[str, Any]:
    return {
        "key": package.spell_key,
        "version": package.version,
        "digest": package.package_digest,
        "module_digest": package.module_digest,
        "module_bytes": package.module_bytes,
        "entry": package.entry,
        "mode": package.mode,
        "modes": list(package.modes),
        "fallback": package.fallback,
        "target": package.target if package.in_service else None,
        "manifest": as_jsonb(package.manifest),
        "schemas": package.schemas_json and package.schemas_json.encode("utf-8"),
        "limits": as_jsonb(package.limits),
        "policy": as_jsonb(package.policy if package.in_service else None),
        "actions": as_jsonb(package.actions),
        "clone": as_jsonb(package.clone),
        "price": as_jsonb(package.price),
    }
