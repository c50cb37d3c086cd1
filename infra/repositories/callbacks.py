"""Callbacks of casts: their URLs, encrypted at rest, and the secret that signs them."""

import base64
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database
from infra.vault import PlatformVault
from infra.webhooks.keys import callback_secret, public_key
from schema import limits
from schema.contracts.webhooks import CallbackSecret

_KEEP = text("INSERT INTO cast_callbacks (cast_id, ciphertext) VALUES (:cast_id, :ciphertext)")
_READ = text(
    "SELECT generation, rotated_at + CAST(:overlap AS interval) AS until,"
    " rotated_at + CAST(:overlap AS interval) > now() AS overlaps"
    " FROM callback_secrets WHERE account_id = :account_id"
)
_ROTATE = text(
    "INSERT INTO callback_secrets (account_id, generation) VALUES (:account_id, 2)"
    " ON CONFLICT (account_id) DO UPDATE SET generation = callback_secrets.generation + 1,"
    " rotated_at = now()"
)


async def keep_callback(connection: AsyncConnection, cast_id: str, sealed: str) -> None:
    """Keep where the end of a cast is told, in the transaction that admits it."""
    row = {"cast_id": cast_id, "ciphertext": base64.b64decode(sealed, validate=True)}
    await connection.execute(_KEEP, row)


class PostgresCallbacks:
    """What an account's callbacks are sealed and signed with. Fits the API's port `Callbacks`."""

    def __init__(self, database: Database, vault: PlatformVault) -> None:
        self._database = database
        self._vault = vault

    def seal(self, account_id: str, url: str) -> str:
        """A `callback_url` as it travels with its cast: nobody but the platform reads it."""
        sealed = self._vault.encrypt(account_id, url.encode("ascii"))
        return base64.b64encode(sealed).decode("ascii")

    async def secret(self, account_id: str) -> CallbackSecret:
        """The secret of now."""
        async with self._database.reading() as connection:
            return await self._read(connection, account_id)

    async def rotate(self, account_id: str) -> CallbackSecret:
        """Another secret; the one before signs as well until the overlap is over."""
        async with self._database.transaction() as connection:
            await connection.execute(_ROTATE, {"account_id": account_id})
            return await self._read(connection, account_id)

    async def _read(self, connection: AsyncConnection, account_id: str) -> CallbackSecret:
        place: dict[str, Any] = {"account_id": account_id, "overlap": limits.WEBHOOK_SECRET_OVERLAP}
        row = (await connection.execute(_READ, place)).one_or_none()
        return CallbackSecret(
            secret=callback_secret(self._vault, account_id, row.generation if row else 1),
            public_key=public_key(self._vault, account_id),
            previous_secret_until=row.until if row and row.overlaps else None,
        )
