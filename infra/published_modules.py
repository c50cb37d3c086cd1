"""Modules of versions, for who published them. Fits the API's port `PublishedModules`."""

from sqlalchemy import text

from infra.blob_store import ObjectBlobStore
from infra.postgres import Database
from schema.blob_keys import module_key

_OWN = text(
    "SELECT v.module_digest FROM spell_versions v JOIN spells s ON s.key = v.spell_key"
    " WHERE v.spell_key = :key AND v.version = :version AND s.account_id = :account_id"
)


class BlobPublishedModules:
    """Finds a version's module in object storage."""

    def __init__(self, database: Database, blobs: ObjectBlobStore) -> None:
        self._database = database
        self._blobs = blobs

    async def own_module(self, account_id: str, key: str, version: str) -> bytes | None:
        """The module of an own version; None for what is another maker's or not there."""
        async with self._database.reading() as connection:
            parameters = {"key": key, "version": version, "account_id": account_id}
            digest = (await connection.execute(_OWN, parameters)).scalar_one_or_none()
        return None if digest is None else await self._blobs.get(module_key(digest))
