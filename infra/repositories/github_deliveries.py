"""The inbox of GitHub's deliveries, in Postgres: a duplicate changes nothing."""

from sqlalchemy import text

from infra.postgres import Database

_RECEIVE = text(
    "INSERT INTO github_deliveries (delivery_id, event, cast_id)"
    " VALUES (:delivery_id, :event, :cast_id)"
    " ON CONFLICT (delivery_id) DO UPDATE SET event = excluded.event"
    " WHERE github_deliveries.handled_at IS NULL RETURNING delivery_id"
)
_HANDLED = text(
    "UPDATE github_deliveries SET handled_at = now()"
    " WHERE delivery_id = :delivery_id AND handled_at IS NULL"
)
_PURGE = text(
    "DELETE FROM github_deliveries WHERE delivery_id IN (SELECT delivery_id FROM github_deliveries"
    "  WHERE received_at < now() - interval '30 days' LIMIT :limit)"
)
_PURGED_AT_ONCE = 1_000


class PostgresGitHubDeliveries:
    """What GitHub told us, each once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def receive(self, delivery_id: str, event: str, cast_id: str | None) -> bool:
        """Write a delivery down; False when it was dealt with before.

        One that was written down but not dealt with (the process died in between) is new again.
        """
        row = {"delivery_id": delivery_id, "event": event, "cast_id": cast_id}
        async with self._database.transaction() as connection:
            return (await connection.execute(_RECEIVE, row)).first() is not None

    async def handled(self, delivery_id: str) -> None:
        """Record that a delivery was dealt with."""
        async with self._database.transaction() as connection:
            await connection.execute(_HANDLED, {"delivery_id": delivery_id})

    async def purge(self) -> int:
        """Forget deliveries of more than a month ago, some at a time; how many they were."""
        async with self._database.transaction() as connection:
            purged = await connection.execute(_PURGE, {"limit": _PURGED_AT_ONCE})
            return purged.rowcount
