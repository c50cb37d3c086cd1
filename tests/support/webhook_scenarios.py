"""One run of every workflow of webhooks for every way it can end; see `scenarios.py`."""

import secrets
from typing import Any

from temporalio.client import Client, WorkflowHandle

from infra.postgres import Database
from tests.support.webhook_platform import Webhooks
from workflows.relay_webhooks import RelayWebhooks

Handle = WorkflowHandle[Any, Any]


async def _delivery(client: Client, database: Database, *answers: int) -> Handle:
    webhooks = Webhooks(client, database)
    webhooks.sender.answers = list(answers)
    delivery = await webhooks.delivery()
    async with webhooks.worker():
        await webhooks.prompt.tell(delivery.message_id)
        await webhooks.end(delivery)
    return webhooks.handle(delivery)


async def webhook_delivered(client: Client, database: Database) -> Handle:
    return await _delivery(client, database, 500)


async def webhook_gone(client: Client, database: Database) -> Handle:
    return await _delivery(client, database, 410)


async def webhooks_relayed(client: Client, database: Database) -> Handle:
    webhooks = Webhooks(client, database)
    await webhooks.delivery()
    async with webhooks.worker():
        handle = await client.start_workflow(
            RelayWebhooks.run,
            id=f"relay-webhooks-{secrets.token_hex(4)}",
            task_queue=webhooks.task_queue,
        )
        await handle.result()
    return handle


WEBHOOK_SCENARIOS = (webhook_delivered, webhook_gone, webhooks_relayed)
