"""Rows about artifacts: written when a cast is settled, read by its caster, deleted once."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database
from schema.contracts.artifacts import ArtifactView, KeptArtifact

_RECORD = text(
    "INSERT INTO artifacts (cast_id, name, account_id, content_type, digest, bytes, blob_key,"
    " expires_at) SELECT :cast_id, a.name, :account_id, a.content_type, a.digest, a.bytes,"
    " a.blob_key, now() + CAST(:lifetime AS interval)"
    " FROM unnest(CAST(:names AS text[]), CAST(:content_types AS text[]),"
    " CAST(:digests AS text[]), CAST(:sizes AS bigint[]), CAST(:blob_keys AS text[]))"
    " AS a(name, content_type, digest, bytes, blob_key)"
)
_OF_CAST = text(
    "SELECT * FROM artifacts WHERE cast_id = :cast_id AND account_id = :account_id"
    " AND (CAST(:name AS text) IS NULL OR name = :name) ORDER BY name"
)


async def record(
    connection: AsyncConnection,
    cast: tuple[str, str],
    kept: Sequence[KeptArtifact],
    lifetime: timedelta,
) -> None:
    """Write down what a cast left; nothing is asked of the database when it left nothing.

    Args:
        connection: of the transaction that settles the cast.
        cast: its id, and its account's.
        kept: besides the output.
        lifetime: until it is deleted; none of what was not paid for, which goes at the next look.
    """
    if not kept:
        return
    cast_id, account_id = cast
    await connection.execute(
        _RECORD,
        {
            "cast_id": cast_id,
            "account_id": account_id,
            "lifetime": lifetime,
            "names": [each.name for each in kept],
            "content_types": [each.content_type for each in kept],
            "digests": [each.digest for each in kept],
            "sizes": [each.bytes for each in kept],
            "blob_keys": [each.blob_key for each in kept],
        },
    )


class PostgresArtifacts:
    """What casts left besides their output; always within one account."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_cast(
        self, account_id: str, cast_id: str, name: str | None = None
    ) -> list[tuple[ArtifactView, KeptArtifact]]:
        """All of a cast's by name, or the one of this name: what its caster sees, where it is."""
        parameters = {"account_id": account_id, "cast_id": cast_id, "name": name}
        async with self._database.reading() as connection:
            rows = await connection.execute(_OF_CAST, parameters)
            return [_read(row) for row in rows]


def _read(row: Any) -> tuple[ArtifactView, KeptArtifact]:
    said = {each: getattr(row, each) for each in ("name", "content_type", "digest", "bytes")}
    times = {each: getattr(row, each) for each in ("created_at", "expires_at", "deleted_at")}
    view = ArtifactView(cast_id=row.cast_id, **said, **times)
    return view, KeptArtifact(blob_key=row.blob_key, **said)
