"""The outbox of notifications, in Postgres. Fits the port `Outbox`.

A notification is written in the transaction that it tells of, by `enqueue`, with one delivery for
each channel that the account has at that moment, and as a message for its webhook endpoints, under
the same id. Its reference keeps it single. Addresses are not
confirmed: what comes on top of a day's number is kept to be read, and sent to nobody.
"""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database, as_jsonb
from infra.repositories import webhook_messages
from infra.repositories.notification_channels import open_destination
from infra.vault import PlatformVault
from schema import limits
from schema.contracts.notifications import (
    Delivery,
    DeliveryRef,
    NewNotification,
    Notification,
)
from schema.contracts.webhooks import NewMessage
from schema.ids import notification_id_for

_ERROR_CHARS_MAX = 500
TOO_MANY = f"More than {limits.NOTIFICATIONS_PER_DAY_MAX} notifications in a day."

_ENQUEUE = text(
    "WITH made AS (INSERT INTO notifications (id, reference, account_id, kind, spell_key, version,"
    "  details) VALUES (:id, :reference, :account_id, :kind, :spell_key, :version,"
    "  CAST(:details AS jsonb)) ON CONFLICT (reference) DO NOTHING RETURNING id, account_id)"
    " INSERT INTO notification_deliveries (notification_id, channel, state, last_error, ended_at)"
    " SELECT made.id, c.kind, CASE WHEN full_up THEN 'dropped' ELSE 'pending' END,"
    "  CASE WHEN full_up THEN :too_many END, CASE WHEN full_up THEN now() END"
    " FROM made JOIN notification_channels c USING (account_id) CROSS JOIN LATERAL ("
    "  SELECT count(*) >= :per_day AS full_up FROM (SELECT FROM notifications n"
    "   WHERE n.account_id = made.account_id AND n.created_at > now() - interval '1 day'"
    "   LIMIT :per_day) AS recent) AS today"
)
# One that was relayed long ago and has not ended lost its workflow: it is relayed again.
_WAITING = text(
    "SELECT notification_id, channel FROM notification_deliveries WHERE state = 'pending'"
    " AND (relayed_at IS NULL OR relayed_at < now() - interval '5 days')"
    " ORDER BY notification_id, channel LIMIT :limit"
)
_RELAYED = text(
    "UPDATE notification_deliveries SET relayed_at = now()"
    " WHERE notification_id = :id AND channel = :channel AND state = 'pending'"
)
_DELIVERY = text(
    "SELECT n.*, c.ciphertext, d.state FROM notification_deliveries d"
    " JOIN notifications n ON n.id = d.notification_id LEFT JOIN notification_channels c"
    "  ON c.account_id = n.account_id AND c.kind = d.channel"
    " WHERE d.notification_id = :id AND d.channel = :channel"
)
_FAILED = text(
    "UPDATE notification_deliveries SET attempts = attempts + 1, last_error = :error"
    " WHERE notification_id = :id AND channel = :channel AND state = 'pending'"
)
_END = text(
    "UPDATE notification_deliveries SET state = :state, ended_at = now(),"
    " attempts = attempts + CASE WHEN :state = 'delivered' THEN 1 ELSE 0 END"
    " WHERE notification_id = :id AND channel = :channel AND state = 'pending'"
)


async def enqueue(connection: AsyncConnection, notification: NewNotification) -> None:
    """Put a notification into the outbox, in the transaction that it tells of; once."""
    row = {
        **notification.model_dump(exclude={"details"}),
        "id": notification_id_for(notification.reference),
        "details": as_jsonb(notification.details),
        "per_day": limits.NOTIFICATIONS_PER_DAY_MAX,
        "too_many": TOO_MANY,
    }
    await connection.execute(_ENQUEUE, row)
    await webhook_messages.tell(connection, _as_message(row["id"], notification))


def _as_message(message_id: str, notification: NewNotification) -> NewMessage:
    """The same for programs."""
    about = {"spell": notification.spell_key, "version": notification.version}
    return NewMessage(
        id=message_id,
        account_id=notification.account_id,
        event=notification.kind.value,
        data={**about, **notification.details},
    )


class PostgresOutbox:
    """Notifications on their way.

    Args:
        database: hands out transactions.
        vault: opens the addresses of channels.
    """

    def __init__(self, database: Database, vault: PlatformVault) -> None:
        self._database = database
        self._vault = vault

    async def waiting(self, *, limit: int) -> list[DeliveryRef]:
        """Deliveries that no workflow cares for yet."""
        async with self._database.reading() as connection:
            rows = await connection.execute(_WAITING, {"limit": limit})
            return [DeliveryRef(notification_id=r.notification_id, channel=r.channel) for r in rows]

    async def relayed(self, delivery: DeliveryRef) -> None:
        """Note that a workflow cares for a delivery now."""
        await self._write(_RELAYED, delivery)

    async def find(self, delivery: DeliveryRef) -> Delivery | None:
        """What is to be delivered and where to; None when it has ended, or the channel is gone."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_DELIVERY, _key(delivery))).one_or_none()
        if row is None or row.state != "pending" or row.ciphertext is None:
            return None
        return Delivery(
            notification=notification_of(row),
            destination=open_destination(
                self._vault, row.account_id, delivery.channel, bytes(row.ciphertext)
            ),
        )

    async def failed(self, delivery: DeliveryRef, error: str) -> None:
        """Count an attempt that failed, and why."""
        await self._write(_FAILED, delivery, error=error[:_ERROR_CHARS_MAX])

    async def end(self, delivery: DeliveryRef, state: str) -> None:
        """End a delivery as `delivered`, `dead` or `dropped`; one that has ended stays as it is."""
        await self._write(_END, delivery, state=state)

    async def _write(self, statement: Any, delivery: DeliveryRef, **values: str) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(statement, {**_key(delivery), **values})


def notification_of(row: Any) -> Notification:
    """A notification out of its row."""
    return Notification(
        id=row.id,
        account_id=row.account_id,
        kind=row.kind,
        spell_key=row.spell_key,
        version=row.version,
        details=row.details,
        created_at=row.created_at,
    )


def _key(delivery: DeliveryRef) -> dict[str, Any]:
    return {"id": delivery.notification_id, "channel": delivery.channel}
