"""Inputs on their way into Actions runs. Fits the port `RunInputs`, and serves their addresses.

The inputs lie in object storage under the account's key; the table has a hash of the address's
token, so reading it gives nobody the inputs.
"""

import hashlib
import secrets
from typing import Protocol

from sqlalchemy import text

from infra.postgres import Database
from infra.vault import PlatformVault
from schema.blob_keys import run_inputs_key
from schema.errors import SpellError
from schema.ids import account_of_cast
from schema.limits import RUN_INPUTS_LIFETIME

_TOKEN_BYTES = 32
_PURGED_AT_ONCE = 100
# A new address ends the older ones of its cast: only one is ever out.
_FORGET = text("DELETE FROM run_inputs WHERE cast_id = :cast_id")
_OFFER = text(
    "INSERT INTO run_inputs (token_hash, cast_id, blob_key, expires_at)"
    " VALUES (:token_hash, :cast_id, :blob_key, now() + CAST(:lifetime AS interval))"
)
# Used by exactly one of many who come at once.
_USE = text(
    "UPDATE run_inputs SET used_at = now() WHERE token_hash = :token_hash"
    " AND used_at IS NULL AND expires_at > now() RETURNING cast_id, blob_key"
)
_IS_KNOWN = text("SELECT 1 FROM run_inputs WHERE token_hash = :token_hash")
_EXPIRED = text(
    "SELECT DISTINCT cast_id FROM run_inputs"
    " WHERE expires_at < now() - interval '1 day' LIMIT :limit"
)


class Blobs(Protocol):
    """Object storage, as far as inputs need it."""

    async def put(self, key: str, content: bytes) -> None:
        """Store the bytes."""

    async def get(self, key: str) -> bytes | None:
        """The bytes, or None when there are none."""

    async def delete(self, key: str) -> None:
        """Remove the key, if it is there."""


class StoredRunInputs:
    """Keeps inputs until a run has fetched them.

    Args:
        database: has the hashes of addresses.
        blobs: have the inputs, encrypted.
        vault: encrypts them under the account's key.
        public_url: what addresses begin with.
    """

    def __init__(
        self, database: Database, blobs: Blobs, vault: PlatformVault, public_url: str
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._vault = vault
        self._public_url = public_url.rstrip("/")

    async def offer(self, cast_id: str, inputs_json: str) -> str:
        """Keep the inputs; the one address that gives them out, once, for a short time."""
        token, key = secrets.token_urlsafe(_TOKEN_BYTES), run_inputs_key(cast_id)
        sealed = self._vault.encrypt(account_of_cast(cast_id), inputs_json.encode())
        await self._blobs.put(key, sealed)
        async with self._database.transaction() as connection:
            await connection.execute(_FORGET, {"cast_id": cast_id})
            row = {
                "token_hash": _hash_of(token),
                "cast_id": cast_id,
                "blob_key": key,
                "lifetime": RUN_INPUTS_LIFETIME,
            }
            await connection.execute(_OFFER, row)
        return f"{self._public_url}/v1/run-inputs/{token}"

    async def take(self, token: str) -> bytes:
        """The inputs behind an address, which is used up by it.

        Raises:
            SpellError: NOT_FOUND, no such address; LINK_EXPIRED, it was used or its time is up.
        """
        parameters = {"token_hash": _hash_of(token)}
        async with self._database.transaction() as connection:
            row = (await connection.execute(_USE, parameters)).first()
            if row is None:
                known = (await connection.execute(_IS_KNOWN, parameters)).first() is not None
                raise SpellError("LINK_EXPIRED" if known else "NOT_FOUND")
        sealed = await self._blobs.get(row.blob_key)
        if sealed is None:
            raise SpellError("LINK_EXPIRED")
        return self._vault.decrypt(account_of_cast(row.cast_id), sealed)

    async def withdraw(self, cast_id: str) -> None:
        """Forget them; harmless when they are gone. What is used or late is told apart a while."""
        await self._blobs.delete(run_inputs_key(cast_id))

    async def purge(self) -> int:
        """Forget what nobody withdrew, a few at a time; how many casts it was."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(_EXPIRED, {"limit": _PURGED_AT_ONCE})).all()
        for row in rows:
            await self.withdraw(row.cast_id)
            async with self._database.transaction() as connection:
                await connection.execute(_FORGET, {"cast_id": row.cast_id})
        return len(rows)


def _hash_of(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
