"""What is not trusted any more, and which versions and casts rest on it, in Postgres."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database, as_jsonb, row_dict
from infra.repositories import standing_words as words
from infra.repositories.notifications import enqueue
from schema.contracts.cast import ReleaseOrder
from schema.contracts.problem import Problem
from schema.contracts.revocation import (
    RecordedRevocation,
    Revocation,
    RevocationKind,
    RevocationView,
    Trusted,
)
from schema.contracts.supply_chain import PackageEvidence, Reason, Signer
from schema.errors import SpellError
from schema.packaging.names import MODULE_FILE
from schema.supply_chain.reasons import reason

_REVOKE = text(
    "WITH made AS (INSERT INTO revocations (kind, value, issuer, reason, revoked_by)"
    " VALUES (:kind, :value, :issuer, :reason, :by) ON CONFLICT (kind, value, issuer)"
    " WHERE lifted_at IS NULL DO NOTHING RETURNING id),"
    " logged AS (INSERT INTO supply_chain_log (reference, kind, actor, spell_key, package_digest,"
    "  details) SELECT 'revocation:' || id, 'revoked', :by, :spell_key, :package_digest,"
    "  CAST(:details AS jsonb) FROM made)"
    " SELECT id FROM made"
)
_IN_FORCE = text(
    "SELECT id FROM revocations WHERE kind = :kind AND value = :value AND issuer = :issuer"
    " AND lifted_at IS NULL"
)
_LIFT = text(
    "WITH lifted AS (UPDATE revocations SET lifted_at = now(), lifted_by = :by WHERE kind = :kind"
    "  AND value = :value AND issuer = :issuer AND lifted_at IS NULL RETURNING id),"
    " logged AS (INSERT INTO supply_chain_log (reference, kind, actor, spell_key, package_digest,"
    "  details) SELECT 'revocation:' || id || '/lifted', 'lifted', :by, :spell_key,"
    "  :package_digest, CAST(:details AS jsonb) FROM lifted)"
    " SELECT id FROM lifted"
)
_LAST = text(
    "SELECT id FROM revocations WHERE kind = :kind AND value = :value AND issuer = :issuer"
    " ORDER BY id DESC LIMIT 1"
)
_FIND = text("SELECT * FROM revocations WHERE id = :id")
_LIST = text(
    "SELECT * FROM revocations WHERE id < :before AND (lifted_at IS NULL OR :lifted)"
    " ORDER BY id DESC LIMIT :limit"
)
_AFFECTED = text(
    "SELECT DISTINCT package_digest FROM version_trust WHERE kind = :kind AND value = :value"
    " AND issuer = :issuer AND package_digest > :after ORDER BY package_digest LIMIT :limit"
)
_REVOKED_DIGESTS = text(
    "SELECT DISTINCT r.package_digest AS digest FROM revoked_versions r"
    " WHERE r.package_digest = ANY(:digests)"
    " UNION SELECT value FROM revocations WHERE kind = 'digest' AND lifted_at IS NULL"
    " AND value = ANY(:digests)"
)
_MAKERS = text(
    "SELECT s.account_id, array_agg(DISTINCT s.key ORDER BY s.key) AS spell_keys"
    " FROM version_trust t JOIN spells s ON s.key = t.spell_key"
    " WHERE t.kind = :kind AND t.value = :value AND t.issuer = :issuer GROUP BY s.account_id"
)
# The trust of each version is looked up by its key: what is open decides how long this takes.
_OPEN_CASTS = text(
    "SELECT h.cast_id, h.account_id, i.fingerprint, c.spell_key, r.details FROM holds h"
    " JOIN casts c ON c.id = h.cast_id JOIN idempotency_records i USING (cast_id)"
    " JOIN LATERAL (SELECT details FROM revoked_versions WHERE spell_key = c.spell_key"
    "  AND version = c.version AND revocation_id = :id LIMIT 1) r ON true"
    " WHERE h.state = 'held' AND h.cast_id > :after ORDER BY h.cast_id LIMIT :limit"
)
_STOPPED = text(
    "SELECT count(*) FROM casts c JOIN revocations r ON r.id = :id"
    " WHERE (c.problem ->> 'code') = 'SPELL_REVOKED' AND c.finished_at >= r.revoked_at"
    " AND CAST(c.problem #>> '{details,revocation}' AS bigint) = r.id"
)
_OF_VERSION = text(
    "SELECT details FROM revoked_versions WHERE spell_key = :key AND version = :version LIMIT 1"
)
_OF_TRUSTED = text(
    "SELECT r.id, r.kind, r.value, r.reason FROM revocations r JOIN unnest(CAST(:kinds AS text[]),"
    " CAST(:values AS text[]), CAST(:issuers AS text[])) AS t (kind, value, issuer)"
    " ON r.kind = t.kind AND r.value = t.value AND r.issuer = t.issuer"
    " WHERE r.lifted_at IS NULL ORDER BY r.id"
)


class PostgresRevocations:
    """The record of revocations; every other place follows it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, revocation: Revocation) -> RecordedRevocation:
        """Put a revocation in force, or lift the one that is; what is so already stays.

        Raises:
            SpellError: REVOCATION_NOT_FOUND, there never was one to lift.
        """
        parameters = _row_of(revocation)
        key = revocation.trusted.model_dump(mode="json")
        async with self._database.transaction() as connection:
            change = _LIFT if revocation.lift else _REVOKE
            found = (await connection.execute(change, parameters)).scalar_one_or_none()
            if found is not None:
                await _tell_makers(connection, found, revocation)
            else:
                known = _LAST if revocation.lift else _IN_FORCE
                found = (await connection.execute(known, key)).scalar_one_or_none()
        if found is None:
            raise SpellError("REVOCATION_NOT_FOUND", details=key)
        return RecordedRevocation(
            id=found, trusted=revocation.trusted, in_force=not revocation.lift
        )

    async def find(self, revocation_id: int) -> RevocationView | None:
        """One revocation, or None."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_FIND, {"id": revocation_id})).one_or_none()
        return None if row is None else RevocationView(**row_dict(row))

    async def revocations(
        self, *, before: int | None, lifted: bool, limit: int
    ) -> list[RevocationView]:
        """Revocations, newest first; those that were lifted only on request."""
        parameters = {"before": before or 2**63 - 1, "lifted": lifted, "limit": limit}
        async with self._database.reading() as connection:
            rows = await connection.execute(_LIST, parameters)
            return [RevocationView(**row_dict(row)) for row in rows]

    async def affected(self, trusted: Trusted, *, after: str, limit: int) -> list[str]:
        """Digests of the published packages that rest on it, in their order, above `after`."""
        parameters = {**trusted.model_dump(mode="json"), "after": after, "limit": limit}
        async with self._database.reading() as connection:
            return list((await connection.execute(_AFFECTED, parameters)).scalars())

    async def revoked_among(self, digests: Sequence[str]) -> set[str]:
        """Which of these package and module digests may not run, for whatever reason."""
        async with self._database.reading() as connection:
            found = await connection.execute(_REVOKED_DIGESTS, {"digests": list(digests)})
            return set(found.scalars())

    async def open_casts(self, revocation_id: int, *, after: str, limit: int) -> list[ReleaseOrder]:
        """Casts that hold money and fall under it, in the order of their ids, above `after`."""
        parameters = {"id": revocation_id, "after": after, "limit": limit}
        async with self._database.reading() as connection:
            rows = await connection.execute(_OPEN_CASTS, parameters)
            return [
                ReleaseOrder(
                    cast_id=row.cast_id,
                    account_id=row.account_id,
                    fingerprint=row.fingerprint,
                    spell_key=row.spell_key,
                    problem=Problem.of(SpellError("SPELL_REVOKED", details=row.details)),
                )
                for row in rows
            ]

    async def casts_stopped(self, revocation_id: int) -> int:
        """How many casts have ended by it."""
        async with self._database.reading() as connection:
            found = await connection.execute(_STOPPED, {"id": revocation_id})
            return int(found.scalar_one())

    async def check(self, spell_key: str, version: str) -> None:
        """Raise SpellError(SPELL_REVOKED) when the version may not run."""
        async with self._database.reading() as connection:
            found = await connection.execute(_OF_VERSION, {"key": spell_key, "version": version})
            details = found.scalar_one_or_none()
        if details is not None:
            raise SpellError("SPELL_REVOKED", details=details)

    async def reasons(self, evidence: PackageEvidence, signer: Signer | None) -> list[Reason]:
        """Every revocation in force that this package or its signer falls under."""
        trusted = _trusted_of(evidence, signer)
        parameters = {
            "kinds": [one.kind.value for one in trusted],
            "values": [one.value for one in trusted],
            "issuers": [one.issuer for one in trusted],
        }
        async with self._database.reading() as connection:
            rows = await connection.execute(_OF_TRUSTED, parameters)
            return [
                reason(
                    f"REVOKED_{row.kind.upper()}",
                    subject=row.value,
                    details={"revocation": row.id, "reason": row.reason},
                )
                for row in rows
            ]


async def _tell_makers(
    connection: AsyncConnection, revocation_id: int, revocation: Revocation
) -> None:
    """Tell everybody who makes what rests on it, in the transaction that changes it."""
    place = revocation.trusted.model_dump(mode="json")
    for row in (await connection.execute(_MAKERS, place)).all():
        told = words.revoked(row.account_id, row.spell_keys, revocation_id, revocation)
        await enqueue(connection, told)


def _row_of(revocation: Revocation) -> dict[str, Any]:
    trusted = revocation.trusted
    is_spell = trusted.kind is RevocationKind.SPELL
    return {
        **trusted.model_dump(mode="json"),
        "reason": revocation.reason,
        "by": revocation.by,
        "spell_key": trusted.value if is_spell else None,
        "package_digest": trusted.value if trusted.kind is RevocationKind.DIGEST else None,
        "details": as_jsonb({**trusted.model_dump(mode="json"), "reason": revocation.reason}),
    }


def _trusted_of(evidence: PackageEvidence, signer: Signer | None) -> list[Trusted]:
    """What a package rests on; the view `version_trust` says the same of published ones."""
    rests_on = [
        Trusted(kind=RevocationKind.DIGEST, value=evidence.package_digest),
        Trusted(kind=RevocationKind.SPELL, value=evidence.spell_key),
    ]
    module = evidence.files.get(MODULE_FILE)
    if module is not None:
        rests_on.append(Trusted(kind=RevocationKind.DIGEST, value=module))
    if signer is not None:
        rests_on += [
            Trusted(kind=RevocationKind.IDENTITY, value=signer.identity),
            Trusted(kind=RevocationKind.IDENTITY, value=signer.identity, issuer=signer.issuer),
            Trusted(kind=RevocationKind.KEY, value=signer.key_digest),
        ]
    return rests_on
