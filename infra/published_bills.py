"""Bills of materials of versions, in either format. Fits the API's port `PublishedBills`.

A conversion takes seconds for a large bill, so it is kept beside the package, under the digest of
what it was made from.
"""

import asyncio

from sqlalchemy import text

from infra.blob_store import ObjectBlobStore
from infra.postgres import Database
from infra.supply_chain.bill_reader import KillableBillReader
from schema.blob_keys import converted_bill_key, package_key
from schema.contracts.bill import BillFamily
from schema.contracts.supply_chain import BillCheck
from schema.contracts.views import BillView
from schema.errors import SpellError
from schema.ids import sha256_digest
from schema.package import read_package
from schema.packaging.names import SBOM_FAMILIES

# As the catalogue: a private spell is seen by its maker only.
_VISIBLE = text(
    "SELECT v.package_digest FROM spell_versions v JOIN spells s ON s.key = v.spell_key"
    " WHERE v.spell_key = :key AND v.version = :version"
    " AND (s.visibility <> 'private' OR s.account_id = :account_id)"
)


class PackagedBills:
    """Finds a version's bill in its package, and converts it."""

    def __init__(
        self, database: Database, blobs: ObjectBlobStore, reader: KillableBillReader
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._reader = reader

    async def bill(
        self, account_id: str, key: str, version: str, family: BillFamily | None
    ) -> BillView | None:
        """The bill as published or, when the family is another one, converted.

        Returns:
            None for a version that is not there, or is not this account's to see.

        Raises:
            SpellError: SBOM_NOT_FOUND, SBOM_NOT_CONVERTIBLE.
        """
        archive = await self._package(account_id, key, version)
        if archive is None:
            return None
        package = await asyncio.to_thread(read_package, archive)
        for name, packaged in SBOM_FAMILIES.items():
            if name in package.files:
                content = package.files[name]
                if family in (None, packaged):
                    return BillView(family=packaged, content=content)
                return BillView(family=family, content=await self._converted(content, family))
        raise SpellError("SBOM_NOT_FOUND", details={"spell": key, "version": version})

    async def _package(self, account_id: str, key: str, version: str) -> bytes | None:
        async with self._database.reading() as connection:
            parameters = {"key": key, "version": version, "account_id": account_id}
            digest = (await connection.execute(_VISIBLE, parameters)).scalar_one_or_none()
        return None if digest is None else await self._blobs.get(package_key(digest))

    async def _converted(self, content: bytes, family: BillFamily) -> bytes:
        key = converted_bill_key(sha256_digest(content), family.value)
        kept = await self._blobs.get(key)
        if kept is not None:
            return kept
        converted = await self._reader.convert(content, family)
        if isinstance(converted, BillCheck):
            reasons = [found.model_dump(mode="json") for found in converted.reasons]
            raise SpellError("SBOM_NOT_CONVERTIBLE", details={"reasons": reasons})
        await self._blobs.put(key, converted)
        return converted
