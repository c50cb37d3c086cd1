"""Goal: a webhook of before is an endpoint, and loses nothing. Method: migrate what was there."""

import importlib
from contextlib import suppress

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database
from infra.repositories.webhook_endpoints import open_endpoint
from schema.canonical import canonical_json
from tests.support.builders import make_person
from tests.support.platform import make_vault

MOVED: tuple[str, ...] = importlib.import_module("infra.migrations.versions.0012_webhooks").MOVED
OLD = ("notification_channels", "kind"), ("notification_deliveries", "channel")
URL, SECRET = "https://hooks.example/in?token=1", "whsec_c2VjcmV0"


class UndoneError(Exception):
    """Nothing of this test stays."""


async def rows(
    connection: AsyncConnection, statement: str, **values: object
) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await connection.execute(text(statement), values)]


async def as_before(connection: AsyncConnection, account_id: str) -> None:
    """An account with both channels, and a notification on its way through both."""
    for table, column in OLD:
        await connection.execute(
            text(
                f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_check,"
                f" ADD CONSTRAINT {table}_{column}_check CHECK ({column} IN ('email', 'webhook'))"
            )
        )
    vault = make_vault()
    for kind, address, secret in (("webhook", URL, SECRET), ("email", "a@b.example", "")):
        await connection.execute(
            text("INSERT INTO notification_channels VALUES (:account_id, :kind, :ciphertext)"),
            {
                "account_id": account_id,
                "kind": kind,
                "ciphertext": vault.encrypt(account_id, canonical_json([kind, address, secret])),
            },
        )
    await connection.execute(
        text(
            "INSERT INTO notifications (id, reference, account_id, kind, spell_key, details)"
            " VALUES (:id, :account_id, :account_id, 'spell.suspended', 'com.example.x',"
            '  \'{"reason": "odd"}\')'
        ),
        {"id": "msg_" + "m" * 26, "account_id": account_id},
    )
    await connection.execute(
        text(
            "INSERT INTO notification_deliveries (notification_id, channel)"
            " VALUES (:id, 'webhook'), (:id, 'email')"
        ),
        {"id": "msg_" + "m" * 26},
    )


async def test_a_channel_of_before_is_an_endpoint_with_its_secret_and_what_was_on_its_way(
    database: Database,
) -> None:
    account_id = (await make_person(database)).account_id
    with suppress(UndoneError):
        async with database.transaction() as connection:
            await as_before(connection, account_id)
            for statement in MOVED:
                await connection.execute(text(statement))
            mine = {"account_id": account_id}
            ((endpoint_id, ciphertext, enabled),) = await rows(
                connection,
                "SELECT id, ciphertext, enabled FROM webhook_endpoints"
                " WHERE account_id = :account_id",
                **mine,
            )
            assert isinstance(ciphertext, bytes)
            assert open_endpoint(make_vault(), account_id, ciphertext) == (URL, [SECRET])
            assert enabled
            ((data, target, state),) = await rows(
                connection,
                "SELECT m.data, d.target, d.state FROM webhook_messages m"
                " JOIN webhook_deliveries d ON d.message_id = m.id"
                " WHERE m.account_id = :account_id",
                **mine,
            )
            assert data == {"spell": "com.example.x", "version": None, "reason": "odd"}
            assert (target, state) == (endpoint_id, "pending")
            left = await rows(
                connection,
                "SELECT kind FROM notification_channels WHERE account_id = :account_id",
                **mine,
            )
            assert left == [("email",)]
            raise UndoneError
