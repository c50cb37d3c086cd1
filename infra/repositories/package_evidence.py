"""What the supply-chain checks look at, by package digest, in Postgres (port PackageEvidences)."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database, as_jsonb
from schema.contracts.supply_chain import PackageEvidence

_KEEP = text(
    "INSERT INTO package_evidence (package_digest, account_id, spell_key, version, license,"
    " expected, sbom_file, sbom, bundle, files) VALUES (:package_digest, :account_id, :spell_key,"
    " :version, :license, CAST(:expected AS jsonb), :sbom_file, :sbom, :bundle,"
    " CAST(:files AS jsonb)) ON CONFLICT (package_digest) DO NOTHING"
)
_FIND = text("SELECT * FROM package_evidence WHERE package_digest = :package_digest")


class PostgresPackageEvidence:
    """The evidence on every package that passed its checks of form."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, evidence: PackageEvidence) -> None:
        """Keep the evidence; what is kept of this digest already stays as it is."""
        async with self._database.transaction() as connection:
            await keep_evidence(connection, evidence)

    async def find(self, package_digest: str) -> PackageEvidence | None:
        """What was kept, or None."""
        async with self._database.reading() as connection:
            result = await connection.execute(_FIND, {"package_digest": package_digest})
            row = result.one_or_none()
        return None if row is None else _evidence_of(row)


async def keep_evidence(connection: AsyncConnection, evidence: PackageEvidence) -> None:
    """Keep the evidence, in the caller's transaction; what is kept already stays."""
    await connection.execute(_KEEP, _row_of(evidence))


def _row_of(evidence: PackageEvidence) -> dict[str, Any]:
    return {
        **evidence.model_dump(exclude={"expected", "files"}),
        "expected": as_jsonb(evidence.expected),
        "files": as_jsonb(evidence.files),
    }


def _evidence_of(row: Any) -> PackageEvidence:
    return PackageEvidence(
        package_digest=row.package_digest,
        account_id=row.account_id,
        spell_key=row.spell_key,
        version=row.version,
        license=row.license,
        expected=row.expected,
        sbom_file=row.sbom_file,
        sbom=row.sbom,
        bundle=row.bundle,
        files=row.files,
    )
