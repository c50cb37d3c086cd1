"""Webhook messages on their way, in Postgres. Fits the port `WebhookStore`."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database
from infra.repositories.notifications import enqueue
from infra.repositories.webhook_endpoints import open_endpoint
from infra.vault import PlatformVault
from infra.webhooks.keys import callback_secret
from schema import limits
from schema.contracts.notifications import DeliveryState, NewNotification, NotificationKind
from schema.contracts.webhooks import (
    CALLBACK,
    AttemptResult,
    WebhookDelivery,
    WebhookDeliveryRef,
    WebhookDestination,
    WebhookMessage,
)

_GONE = 410
_PURGED_AT_ONCE = 1_000

# One that was relayed long ago and has not ended lost its workflow: it is relayed again.
_WAITING = text(
    "SELECT message_id, target FROM webhook_deliveries WHERE state = 'pending'"
    " AND (relayed_at IS NULL OR relayed_at < now() - interval '5 days')"
    " AND (CAST(:message_id AS text) IS NULL OR message_id = :message_id)"
    " ORDER BY created_at, message_id, target LIMIT :limit"
)
_RELAYED = text(
    "UPDATE webhook_deliveries SET relayed_at = now()"
    " WHERE message_id = :message_id AND target = :target AND state = 'pending'"
)
_FIND = text(
    "SELECT m.*, d.state, e.ciphertext AS endpoint, e.enabled,"
    " e.previous_secret_until > now() AS endpoint_overlaps, c.ciphertext AS callback,"
    " coalesce(s.generation, 1) AS generation,"
    " s.rotated_at + CAST(:overlap AS interval) > now() AS callback_overlaps"
    " FROM webhook_deliveries d JOIN webhook_messages m ON m.id = d.message_id"
    " LEFT JOIN webhook_endpoints e ON e.id = d.target AND e.account_id = m.account_id"
    " LEFT JOIN cast_callbacks c ON d.target = 'callback' AND c.cast_id = m.cast_id"
    " LEFT JOIN callback_secrets s ON d.target = 'callback' AND s.account_id = m.account_id"
    " WHERE d.message_id = :message_id AND d.target = :target"
)
_ATTEMPT = text(
    "WITH line AS (INSERT INTO webhook_attempts (message_id, target, status_code, milliseconds,"
    "  error) VALUES (:message_id, :target, :status_code, :milliseconds, :error))"
    " UPDATE webhook_deliveries SET attempts = attempts + 1, last_error = :error, state = :state,"
    " ended_at = CASE WHEN :state = 'pending' THEN NULL ELSE now() END"
    " WHERE message_id = :message_id AND target = :target AND state = 'pending'"
)
_END = text(
    "UPDATE webhook_deliveries SET state = :state, ended_at = now(),"
    " last_error = coalesce(:error, last_error)"
    " WHERE message_id = :message_id AND target = :target AND state = 'pending'"
)
_WORKS = text(
    "UPDATE webhook_endpoints SET failing_since = NULL"
    " WHERE id = :target AND failing_since IS NOT NULL"
)
_FAILS = text(
    "UPDATE webhook_endpoints SET failing_since = coalesce(failing_since, now())"
    " WHERE id = :target AND enabled"
    " RETURNING account_id, failing_since < now() - CAST(:failing_max AS interval) AS for_long"
)
_DISABLE = text(
    "UPDATE webhook_endpoints SET enabled = false, disabled_reason = :reason, updated_at = now()"
    " WHERE id = :target"
)
_PURGE = text(
    "WITH old AS (SELECT id FROM webhook_messages m"
    "  WHERE created_at < now() - CAST(:lifetime AS interval) AND NOT EXISTS (SELECT FROM"
    "   webhook_deliveries d WHERE d.message_id = m.id AND d.state = 'pending')"
    "  ORDER BY created_at LIMIT :limit),"
    " ways AS (DELETE FROM webhook_deliveries d USING old WHERE d.message_id = old.id),"
    " urls AS (DELETE FROM cast_callbacks WHERE cast_id IN (SELECT cast_id FROM cast_callbacks c"
    "  WHERE created_at < now() - CAST(:lifetime AS interval) AND NOT EXISTS (SELECT FROM"
    "   webhook_messages m JOIN webhook_deliveries d ON d.message_id = m.id"
    "   WHERE m.cast_id = c.cast_id AND d.state = 'pending')"
    "  ORDER BY created_at LIMIT :limit))"
    " DELETE FROM webhook_messages m USING old WHERE m.id = old.id RETURNING m.id"
)


class PostgresWebhookDeliveries:
    """Deliveries as the workflows see them.

    Args:
        database: hands out transactions.
        vault: opens URLs and secrets.
    """

    def __init__(self, database: Database, vault: PlatformVault) -> None:
        self._database = database
        self._vault = vault

    async def waiting(
        self, *, limit: int, message_id: str | None = None
    ) -> list[WebhookDeliveryRef]:
        """Deliveries that no workflow cares for yet: all, or those of one message."""
        place = {"limit": limit, "message_id": message_id}
        async with self._database.reading() as connection:
            rows = await connection.execute(_WAITING, place)
            return [WebhookDeliveryRef(message_id=r.message_id, target=r.target) for r in rows]

    async def relayed(self, delivery: WebhookDeliveryRef) -> None:
        """Note that a workflow cares for a delivery now."""
        async with self._database.transaction() as connection:
            await connection.execute(_RELAYED, delivery.model_dump())

    async def find(self, delivery: WebhookDeliveryRef) -> WebhookDelivery | DeliveryState:
        """What is to be sent and where to; or how it has ended, which may be just now."""
        place = {**delivery.model_dump(), "overlap": limits.WEBHOOK_SECRET_OVERLAP}
        async with self._database.transaction() as connection:
            row = (await connection.execute(_FIND, place)).one_or_none()
            if row is None:
                return DeliveryState.DROPPED
            if row.state != DeliveryState.PENDING:
                return DeliveryState(row.state)
            destination = self._destination(row)
            if destination is None:
                return await _end(connection, delivery, DeliveryState.DROPPED)
            if row.enabled is False:
                error = "The endpoint is disabled."
                return await _end(connection, delivery, DeliveryState.DEAD, error)
        return WebhookDelivery(message=message_of(row), destination=destination)

    async def record(self, delivery: WebhookDeliveryRef, result: AttemptResult) -> DeliveryState:
        """Log an attempt, and what it means for the delivery and its endpoint."""
        state = _state_after(result)
        row = {**delivery.model_dump(), **result.model_dump(), "state": state.value}
        async with self._database.transaction() as connection:
            await connection.execute(_ATTEMPT, row)
            if delivery.target != CALLBACK:
                await _judge(connection, delivery, result)
        return state

    async def bury(self, delivery: WebhookDeliveryRef) -> DeliveryState:
        """Keep a delivery that nobody took as a dead letter."""
        async with self._database.transaction() as connection:
            return await _end(connection, delivery, DeliveryState.DEAD)

    async def purge(self) -> int:
        """Delete what is older than its lifetime and not on its way; how many messages it was."""
        bounds = {"lifetime": limits.WEBHOOK_MESSAGES_LIFETIME, "limit": _PURGED_AT_ONCE}
        async with self._database.transaction() as connection:
            return len((await connection.execute(_PURGE, bounds)).all())

    def _destination(self, row: Any) -> WebhookDestination | None:
        """Where it goes to; None when that was removed."""
        account_id = row.account_id
        if row.endpoint is not None:
            url, secrets = open_endpoint(self._vault, account_id, bytes(row.endpoint))
            signing = secrets if row.endpoint_overlaps else secrets[:1]
        elif row.callback is not None:
            url = self._vault.decrypt(account_id, bytes(row.callback)).decode("ascii")
            first = row.generation - 1 if row.callback_overlaps else row.generation
            signing = [
                callback_secret(self._vault, account_id, generation)
                for generation in range(row.generation, first - 1, -1)
            ]
        else:
            return None
        return WebhookDestination(account_id=account_id, url=url, secrets=signing)


def message_of(row: Any) -> WebhookMessage:
    """A message out of its row."""
    return WebhookMessage(
        id=row.id, event=row.event, cast_id=row.cast_id, data=row.data, created_at=row.created_at
    )


def _state_after(result: AttemptResult) -> DeliveryState:
    if result.error is None:
        return DeliveryState.DELIVERED
    return DeliveryState.DEAD if result.status_code == _GONE else DeliveryState.PENDING


async def _judge(
    connection: AsyncConnection, delivery: WebhookDeliveryRef, result: AttemptResult
) -> None:
    """What an attempt says about its endpoint: it works, it fails, it has to be disabled."""
    place = {"target": delivery.target}
    if result.error is None:
        await connection.execute(_WORKS, place)
        return
    bound = {**place, "failing_max": limits.WEBHOOK_FAILING_MAX}
    endpoint = (await connection.execute(_FAILS, bound)).one_or_none()
    if endpoint is None:
        return
    reason = None
    if result.status_code == _GONE:
        reason = "It answered 410 Gone."
    elif endpoint.for_long:
        reason = f"It took nothing for {limits.WEBHOOK_FAILING_MAX.days} days."
    if reason is not None:
        await connection.execute(_DISABLE, {**place, "reason": reason})
        await enqueue(connection, _disabled(endpoint.account_id, delivery, reason))


def _disabled(account_id: str, delivery: WebhookDeliveryRef, reason: str) -> NewNotification:
    return NewNotification(
        reference=f"endpoint-disabled:{delivery.target}:{delivery.message_id}",
        account_id=account_id,
        kind=NotificationKind.ENDPOINT_DISABLED,
        details={"endpoint": delivery.target, "reason": reason},
    )


async def _end(
    connection: AsyncConnection,
    delivery: WebhookDeliveryRef,
    state: DeliveryState,
    error: str | None = None,
) -> DeliveryState:
    row = {**delivery.model_dump(), "state": state.value, "error": error}
    await connection.execute(_END, row)
    return state
