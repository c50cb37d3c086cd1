"""What Stripe delivered, in Postgres. Fits the ports `StripeDeliveries` and `StripeEvents`.

An event is written down before it is handled, and whoever handles it claims it first, so that of
eight at once one does. A claim ends after a minute: then its process has died.
"""

from sqlalchemy import text

from infra.postgres import Database
from schema.contracts.stripe_events import StripeDelivery

# Our own words, not a caller's.
_FREE = (
    "known.handled_at IS NULL AND (known.claimed_at IS NULL"
    " OR known.claimed_at < now() - interval '60 seconds')"
)
_RECEIVE = text(
    "INSERT INTO stripe_events AS known (event_id, kind, purchase_id, claimed_at)"  # noqa: S608
    " VALUES (:id, :kind, :purchase_id, now())"
    f" ON CONFLICT (event_id) DO UPDATE SET claimed_at = now() WHERE {_FREE}"
    " RETURNING event_id"
)
_CLAIM = text(
    "UPDATE stripe_events SET claimed_at = now() WHERE event_id IN (SELECT event_id"  # noqa: S608
    f" FROM stripe_events known WHERE {_FREE}"
    " ORDER BY received_at LIMIT :limit"
    " FOR UPDATE SKIP LOCKED)"
    " RETURNING event_id, kind, purchase_id"
)
_HANDLED = text(
    "UPDATE stripe_events SET handled_at = now() WHERE event_id = :id AND handled_at IS NULL"
)
_RELEASE = text(
    "UPDATE stripe_events SET claimed_at = NULL WHERE event_id = :id AND handled_at IS NULL"
)
_PURGE = text("DELETE FROM stripe_events WHERE handled_at < now() - interval '30 days'")


class PostgresStripeEvents:
    """The inbox: one row for each event."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def receive(self, delivery: StripeDelivery) -> bool:
        """Write an event down and claim it; False: it was handled, or somebody is at it."""
        row = {
            "id": delivery.event_id,
            "kind": delivery.kind,
            "purchase_id": delivery.purchase_id,
        }
        async with self._database.transaction() as connection:
            return (await connection.execute(_RECEIVE, row)).first() is not None

    async def claim(self, *, limit: int) -> list[StripeDelivery]:
        """Claim events that nobody handles, the oldest first."""
        async with self._database.transaction() as connection:
            rows = (await connection.execute(_CLAIM, {"limit": limit})).all()
        return [
            StripeDelivery(event_id=row.event_id, kind=row.kind, purchase_id=row.purchase_id)
            for row in rows
        ]

    async def handled(self, event_id: str) -> None:
        """Record that an event was handled."""
        async with self._database.transaction() as connection:
            await connection.execute(_HANDLED, {"id": event_id})

    async def release(self, event_id: str) -> None:
        """Let somebody else handle an event."""
        async with self._database.transaction() as connection:
            await connection.execute(_RELEASE, {"id": event_id})

    async def purge(self) -> int:
        """Forget what was handled a month ago, when Stripe repeats it no more; how many."""
        async with self._database.transaction() as connection:
            return (await connection.execute(_PURGE)).rowcount
