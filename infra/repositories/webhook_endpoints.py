"""Webhook endpoints, in Postgres. Fits the API's port `WebhookEndpoints`.

URL and secrets are encrypted together under the account's key: a row that somebody moved to another
account opens for nobody.
"""

import secrets
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database
from infra.vault import PlatformVault
from infra.webhooks.keys import public_key
from schema import limits
from schema.canonical import canonical_json, parse_json
from schema.contracts.webhooks import EndpointChange, EndpointSettings, EndpointView, NewEndpoint
from schema.errors import SpellError
from schema.ids import new_webhook_endpoint_id
from schema.webhook_targets import SECRET_BYTES, webhook_secret

# Who makes an endpoint waits for whoever makes one for the same account: their number is bounded.
_LOCK = text("SELECT id FROM accounts WHERE id = :account_id FOR NO KEY UPDATE")
_COUNT = text("SELECT count(*) FROM webhook_endpoints WHERE account_id = :account_id")
_INSERT = text(
    "INSERT INTO webhook_endpoints (id, account_id, ciphertext, events, description)"
    " VALUES (:id, :account_id, :ciphertext, :events, :description) RETURNING *"
)
_LIST = text(
    "SELECT * FROM webhook_endpoints WHERE account_id = :account_id ORDER BY created_at, id"
)
_OWN = text("SELECT * FROM webhook_endpoints WHERE id = :id AND account_id = :account_id")
_OWN_LOCKED = text(
    "SELECT * FROM webhook_endpoints WHERE id = :id AND account_id = :account_id FOR UPDATE"
)
# Whoever enables one, or says where else it is, gives it all of its time again.
_UPDATE = text(
    "UPDATE webhook_endpoints SET ciphertext = :ciphertext, events = :events,"
    " description = :description, enabled = :enabled,"
    " disabled_reason = CASE WHEN :enabled OR enabled THEN NULL ELSE disabled_reason END,"
    " failing_since = CASE WHEN :afresh THEN NULL ELSE failing_since END,"
    " updated_at = now() WHERE id = :id RETURNING *"
)
_ROTATE = text(
    "UPDATE webhook_endpoints SET ciphertext = :ciphertext, updated_at = now(),"
    " previous_secret_until = now() + CAST(:overlap AS interval) WHERE id = :id RETURNING *"
)
_REMOVE = text(
    "DELETE FROM webhook_endpoints WHERE id = :id AND account_id = :account_id RETURNING id"
)
_KIND = "webhook"


class PostgresWebhookEndpoints:
    """An account's endpoints.

    Args:
        database: hands out transactions.
        vault: encrypts and decrypts URLs and secrets.
    """

    def __init__(self, database: Database, vault: PlatformVault) -> None:
        self._database = database
        self._vault = vault

    async def create(self, account_id: str, settings: EndpointSettings) -> NewEndpoint:
        """A new endpoint, with its secret.

        Raises:
            SpellError: TOO_MANY_ENDPOINTS.
        """
        secret = _fresh_secret()
        row = {
            "id": new_webhook_endpoint_id(),
            "account_id": account_id,
            "ciphertext": self._seal(account_id, settings.url, secret),
            "events": settings.events,
            "description": settings.description,
        }
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK, {"account_id": account_id})
            there = await connection.execute(_COUNT, {"account_id": account_id})
            if there.scalar_one() >= limits.WEBHOOK_ENDPOINTS_MAX:
                raise SpellError(
                    "TOO_MANY_ENDPOINTS", details={"max": limits.WEBHOOK_ENDPOINTS_MAX}
                )
            made = (await connection.execute(_INSERT, row)).one()
        return NewEndpoint(**self._view(made).model_dump(), secret=secret)

    async def endpoints(self, account_id: str) -> list[EndpointView]:
        """The account's endpoints, the oldest first."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(_LIST, {"account_id": account_id})).all()
        return [self._view(row) for row in rows]

    async def endpoint(self, account_id: str, endpoint_id: str) -> EndpointView:
        """One of them. Raises SpellError(WEBHOOK_ENDPOINT_NOT_FOUND), for foreign ones too."""
        async with self._database.reading() as connection:
            return self._view(await _own(connection, account_id, endpoint_id))

    async def change(
        self, account_id: str, endpoint_id: str, change: EndpointChange
    ) -> EndpointView:
        """Change what is given. Raises SpellError(WEBHOOK_ENDPOINT_NOT_FOUND)."""
        async with self._database.transaction() as connection:
            row = await _own(connection, account_id, endpoint_id, lock=True)
            url, secrets_ = self._open(row)
            new = {
                "id": row.id,
                "ciphertext": self._seal(account_id, change.url or url, *secrets_),
                "events": row.events if change.events is None else change.events,
                "description": row.description
                if change.description is None
                else change.description,
                "enabled": row.enabled if change.enabled is None else change.enabled,
                "afresh": change.url is not None or change.enabled is True,
            }
            return self._view((await connection.execute(_UPDATE, new)).one())

    async def rotate(self, account_id: str, endpoint_id: str) -> NewEndpoint:
        """Another secret; the one before signs as well until the overlap is over.

        Raises:
            SpellError: WEBHOOK_ENDPOINT_NOT_FOUND.
        """
        secret = _fresh_secret()
        async with self._database.transaction() as connection:
            row = await _own(connection, account_id, endpoint_id, lock=True)
            url, (current, *_) = self._open(row)
            new = {
                "id": row.id,
                "ciphertext": self._seal(account_id, url, secret, current),
                "overlap": limits.WEBHOOK_SECRET_OVERLAP,
            }
            rotated = (await connection.execute(_ROTATE, new)).one()
        return NewEndpoint(**self._view(rotated).model_dump(), secret=secret)

    async def remove(self, account_id: str, endpoint_id: str) -> None:
        """Remove one; what is on its way there is dropped. Raises: WEBHOOK_ENDPOINT_NOT_FOUND."""
        place = {"id": endpoint_id, "account_id": account_id}
        async with self._database.transaction() as connection:
            if (await connection.execute(_REMOVE, place)).first() is None:
                raise SpellError("WEBHOOK_ENDPOINT_NOT_FOUND", details={"id": endpoint_id})

    def _seal(self, account_id: str, url: str, *secrets_: str) -> bytes:
        return self._vault.encrypt(account_id, canonical_json([_KIND, url, *secrets_]))

    def _open(self, row: Any) -> tuple[str, list[str]]:
        return open_endpoint(self._vault, row.account_id, bytes(row.ciphertext))

    def _view(self, row: Any) -> EndpointView:
        return EndpointView(
            id=row.id,
            url=self._open(row)[0],
            events=row.events,
            description=row.description,
            enabled=row.enabled,
            disabled_reason=row.disabled_reason,
            public_key=public_key(self._vault, row.account_id),
            failing_since=row.failing_since,
            previous_secret_until=row.previous_secret_until,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


def open_endpoint(
    vault: PlatformVault, account_id: str, ciphertext: bytes
) -> tuple[str, list[str]]:
    """An endpoint's URL and its secrets, the newest first.

    Raises:
        ValueError: the row is not one of this account.
    """
    kind, url, *secrets_ = parse_json(vault.decrypt(account_id, ciphertext))
    if kind != _KIND:
        raise ValueError("what is encrypted is no webhook endpoint")
    return url, secrets_


async def _own(
    connection: AsyncConnection, account_id: str, endpoint_id: str, *, lock: bool = False
) -> Any:
    place = {"id": endpoint_id, "account_id": account_id}
    row = (await connection.execute(_OWN_LOCKED if lock else _OWN, place)).one_or_none()
    if row is None:
        raise SpellError("WEBHOOK_ENDPOINT_NOT_FOUND", details={"id": endpoint_id})
    return row


def _fresh_secret() -> str:
    return webhook_secret(secrets.token_bytes(SECRET_BYTES))
