"""What Stripe delivered, in Postgres. Fits the API's port `StripeDeliveries`."""

from sqlalchemy import text

from infra.postgres import Database

_RECEIVE = text(
    "INSERT INTO stripe_events (event_id, kind, purchase_id) VALUES (:id, :kind, :purchase_id)"
    " ON CONFLICT (event_id) DO UPDATE SET event_id = excluded.event_id"
    " RETURNING handled_at IS NULL"
)
_HANDLED = text(
    "UPDATE stripe_events SET handled_at = now() WHERE event_id = :id AND handled_at IS NULL"
)


class PostgresStripeEvents:
    """The inbox: one row for each event."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def receive(self, event_id: str, kind: str, purchase_id: str | None) -> bool:
        """Write an event down; False when it was dealt with before."""
        parameters = {"id": event_id, "kind": kind, "purchase_id": purchase_id}
        async with self._database.transaction() as connection:
            return bool((await connection.execute(_RECEIVE, parameters)).scalar_one())

    async def handled(self, event_id: str) -> None:
        """Record that an event was dealt with."""
        async with self._database.transaction() as connection:
            await connection.execute(_HANDLED, {"id": event_id})
