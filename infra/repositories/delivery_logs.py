"""What was sent to an account's webhooks and how it went. Fits the API's port `DeliveryLogs`."""

from datetime import datetime
from typing import Any

from sqlalchemy import text

from infra.postgres import Database
from infra.repositories.webhook_deliveries import message_of
from infra.webhooks.bodies import body_of
from schema import limits
from schema.contracts.notifications import DeliveryState
from schema.contracts.webhooks import AttemptView, DeliveryLog, WebhookDeliveryView
from schema.errors import SpellError
from schema.ids import new_ping_id
from schema.webhook_events import PING

_COLUMNS = (
    "m.id, m.event, m.cast_id, m.data, d.state, d.attempts, d.last_error, d.created_at, d.ended_at,"
    " m.created_at AS told_at"
)
_OF_ACCOUNT = (
    "FROM webhook_deliveries d JOIN webhook_messages m ON m.id = d.message_id"
    " WHERE d.target = :target AND m.account_id = :account_id"
)
_LIST = text(
    f"SELECT {_COLUMNS} {_OF_ACCOUNT}"
    " AND (CAST(:state AS text) IS NULL OR d.state = :state)"
    " AND (CAST(:at AS timestamptz) IS NULL OR (d.created_at, d.message_id) < (:at, :id))"
    " ORDER BY d.created_at DESC, d.message_id DESC LIMIT :limit"
)
_ONE = text(f"SELECT {_COLUMNS} {_OF_ACCOUNT} AND d.message_id = :id")
_ATTEMPTS = text(
    "SELECT status_code, milliseconds, error, at FROM webhook_attempts"
    " WHERE message_id = :id AND target = :target ORDER BY id"
)
_AGAIN = (
    "UPDATE webhook_deliveries d SET state = 'pending', ended_at = NULL, relayed_at = NULL"
    " FROM webhook_messages m WHERE m.id = d.message_id AND m.account_id = :account_id"
    " AND d.target = :target"
)
_REPLAY = text(f"{_AGAIN} AND d.message_id = :id AND d.state <> 'pending'")
_REPLAY_DEAD = text(
    f"{_AGAIN} AND d.state = 'dead' AND d.created_at >= :since RETURNING d.message_id"
)
# Who tests waits for whoever tests for the same account: their number is bounded.
_LOCK = text("SELECT id FROM accounts WHERE id = :account_id FOR NO KEY UPDATE")
_TESTED = text(
    "SELECT count(*) FROM webhook_messages WHERE account_id = :account_id AND event = 'ping'"
    " AND created_at > now() - interval '1 hour'"
)
_TEST = text(
    "WITH made AS (INSERT INTO webhook_messages (id, account_id, event, data)"
    "  SELECT :id, account_id, :event, jsonb_build_object('endpoint', id) FROM webhook_endpoints"
    "  WHERE id = :target AND account_id = :account_id RETURNING id)"
    " INSERT INTO webhook_deliveries (message_id, target) SELECT id, :target FROM made"
    " RETURNING message_id"
)


class PostgresDeliveryLogs:
    """Deliveries as their account reads and repeats them.

    Args:
        database: hands out transactions.
        public_url: where the api is reached from outside, for links in bodies.
    """

    def __init__(self, database: Database, public_url: str) -> None:
        self._database = database
        self._public_url = public_url

    async def deliveries(
        self,
        account_id: str,
        target: str,
        *,
        state: DeliveryState | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[WebhookDeliveryView]:
        """What was sent to an endpoint, the newest first, below a place."""
        at, message_id = before or (None, "")
        place = {
            **_place(account_id, target, message_id),
            "state": state.value if state else None,
            "at": at,
            "limit": limit,
        }
        async with self._database.reading() as connection:
            return [_view_of(row) for row in await connection.execute(_LIST, place)]

    async def log(self, account_id: str, target: str, message_id: str) -> DeliveryLog:
        """One delivery with every attempt. Raises SpellError(WEBHOOK_MESSAGE_NOT_FOUND)."""
        place = _place(account_id, target, message_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(_ONE, place)).one_or_none()
            if row is None:
                raise _not_found(message_id)
            attempts = (await connection.execute(_ATTEMPTS, place)).all()
        message = message_of(row).model_copy(update={"created_at": row.told_at})
        return DeliveryLog(
            **_view_of(row).model_dump(),
            body=body_of(message, self._public_url),
            log=[AttemptView(**attempt._asdict()) for attempt in attempts],
        )

    async def replay(self, account_id: str, target: str, message_id: str) -> None:
        """Send it again, taken or not; what is on its way goes on.

        Raises:
            SpellError: WEBHOOK_MESSAGE_NOT_FOUND.
        """
        place = _place(account_id, target, message_id)
        async with self._database.transaction() as connection:
            if (await connection.execute(_ONE, place)).one_or_none() is None:
                raise _not_found(message_id)
            await connection.execute(_REPLAY, place)

    async def replay_dead(self, account_id: str, target: str, since: datetime) -> int:
        """Send again all that nobody took since then; how many they are."""
        place = {"account_id": account_id, "target": target, "since": since}
        async with self._database.transaction() as connection:
            return len((await connection.execute(_REPLAY_DEAD, place)).all())

    async def test(self, account_id: str, target: str) -> str:
        """Put a ping on its way to an endpoint; its message's id.

        Raises:
            SpellError: WEBHOOK_ENDPOINT_NOT_FOUND, RATE_LIMITED.
        """
        place = {**_place(account_id, target, new_ping_id()), "event": PING}
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK, {"account_id": account_id})
            tested = await connection.execute(_TESTED, {"account_id": account_id})
            if tested.scalar_one() >= limits.WEBHOOK_TESTS_PER_HOUR_MAX:
                raise SpellError("RATE_LIMITED", retry_after=600)
            if (await connection.execute(_TEST, place)).first() is None:
                raise SpellError("WEBHOOK_ENDPOINT_NOT_FOUND", details={"id": target})
        return str(place["id"])


def _place(account_id: str, target: str, message_id: str) -> dict[str, Any]:
    return {"account_id": account_id, "target": target, "id": message_id}


def _not_found(message_id: str) -> SpellError:
    return SpellError("WEBHOOK_MESSAGE_NOT_FOUND", details={"id": message_id})


def _view_of(row: Any) -> WebhookDeliveryView:
    return WebhookDeliveryView(
        message_id=row.id,
        event=row.event,
        cast_id=row.cast_id,
        state=row.state,
        attempts=row.attempts,
        last_error=row.last_error,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
