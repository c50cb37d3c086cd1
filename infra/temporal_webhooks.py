"""Starts deliveries of webhooks on Temporal, now or when a message was just written."""

import logging
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from infra.repositories.webhook_deliveries import PostgresWebhookDeliveries
from schema import limits
from schema.contracts.webhooks import WebhookDeliveryRef
from schema.ids import webhook_workflow_id
from schema.names import WEBHOOKS_TASK_QUEUE

# By name: `workflows` is a sibling that infra does not import; a test checks that names agree.
DELIVER_WEBHOOK_WORKFLOW = "deliver_webhook"

# Whoever has just ended a cast waits for this; the relay of every minute does not mind.
_START_TIMEOUT = timedelta(seconds=3)
_log = logging.getLogger(__name__)


class TemporalWebhooks:
    """Fits the activities' port `WebhookDeliveries`."""

    def __init__(self, client: Client, task_queue: str = WEBHOOKS_TASK_QUEUE) -> None:
        self._client = client
        self._task_queue = task_queue

    async def start(self, delivery: WebhookDeliveryRef) -> bool:
        """Start a delivery's workflow; False when one runs already.

        Raises:
            RPCError: Temporal is away.
        """
        try:
            await self._client.start_workflow(
                DELIVER_WEBHOOK_WORKFLOW,
                delivery,
                id=webhook_workflow_id(delivery.message_id, delivery.target),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                rpc_timeout=_START_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            return False
        return True


class PromptWebhooks:
    """Fits the port `PromptRelay` of the activities and of the API.

    Args:
        deliveries: knows what waits.
        temporal: starts it.
    """

    def __init__(self, deliveries: PostgresWebhookDeliveries, temporal: TemporalWebhooks) -> None:
        self._deliveries = deliveries
        self._temporal = temporal

    async def tell(self, message_id: str) -> None:
        """Have a message delivered now. Never fails: the relay of every minute comes after it."""
        try:
            most = limits.WEBHOOK_ENDPOINTS_MAX + 1
            for delivery in await self._deliveries.waiting(limit=most, message_id=message_id):
                if await self._temporal.start(delivery):
                    await self._deliveries.relayed(delivery)
        except Exception as error:  # noqa: BLE001  (whoever told it has money to settle)
            _log.warning("a message waits for the relay", extra={"cause": type(error).__name__})
