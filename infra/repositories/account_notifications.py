"""What an account was told, and how far that has come, in Postgres."""

from datetime import datetime
from typing import Any

from sqlalchemy import text

from infra.postgres import Database
from infra.repositories.notifications import notification_of
from schema import limits
from schema.contracts.notifications import NotificationView
from schema.errors import SpellError

_LIST = text(
    "SELECT n.*, coalesce((SELECT jsonb_agg(jsonb_build_object('channel', d.channel,"
    "  'state', d.state, 'attempts', d.attempts, 'last_error', d.last_error) ORDER BY d.channel)"
    "  FROM notification_deliveries d WHERE d.notification_id = n.id), '[]') AS deliveries"
    " FROM notifications n WHERE n.account_id = :account_id"
    " AND (CAST(:created_at AS timestamptz) IS NULL OR (n.created_at, n.id) < (:created_at, :id))"
    " ORDER BY n.created_at DESC, n.id DESC LIMIT :limit"
)
# Who resends waits for whoever resends for the same account.
_LOCK = text("SELECT id FROM accounts WHERE id = :account_id FOR NO KEY UPDATE")
_OWN = text("SELECT id FROM notifications WHERE id = :id AND account_id = :account_id")
_SENT_TODAY = text(
    "SELECT count(*) FROM notification_deliveries d JOIN notifications n"
    " ON n.id = d.notification_id WHERE n.account_id = :account_id AND (d.state = 'pending'"
    " OR d.relayed_at > now() - interval '1 day')"
)
_RESEND = text(
    "INSERT INTO notification_deliveries (notification_id, channel)"
    " SELECT :id, kind FROM notification_channels WHERE account_id = :account_id"
    " ON CONFLICT (notification_id, channel) DO UPDATE SET state = 'pending', ended_at = NULL,"
    "  relayed_at = NULL WHERE notification_deliveries.state IN ('dead', 'dropped')"
)


class PostgresAccountNotifications:
    """Notifications as their account reads them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def notifications(
        self, account_id: str, *, before: tuple[datetime, str] | None, limit: int
    ) -> list[NotificationView]:
        """What the account was told, newest first.

        Args:
            account_id: whose.
            before: when the last one of the page before was written, and its id.
            limit: how many at most.
        """
        created_at, last_id = before or (None, "")
        place = {"account_id": account_id, "created_at": created_at, "id": last_id}
        async with self._database.reading() as connection:
            rows = await connection.execute(_LIST, {**place, "limit": limit})
            return [_view_of(row) for row in rows]

    async def resend(self, account_id: str, notification_id: str) -> None:
        """Put what was not taken on its way again, through the channels that there are now.

        What was taken is not sent again, and what is on its way goes on.

        Raises:
            SpellError: NOTIFICATION_NOT_FOUND, also for another account's; RATE_LIMITED.
        """
        place = {"account_id": account_id, "id": notification_id}
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK, {"account_id": account_id})
            if (await connection.execute(_OWN, place)).first() is None:
                raise SpellError("NOTIFICATION_NOT_FOUND", details={"id": notification_id})
            sent = await connection.execute(_SENT_TODAY, {"account_id": account_id})
            if sent.scalar_one() >= 2 * limits.NOTIFICATIONS_PER_DAY_MAX:
                raise SpellError("RATE_LIMITED", retry_after=3600)
            await connection.execute(_RESEND, place)


def _view_of(row: Any) -> NotificationView:
    return NotificationView(**notification_of(row).model_dump(), deliveries=row.deliveries)
