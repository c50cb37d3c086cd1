"""Everything that webhooks need, on a test's own Temporal: real activities, real Postgres."""

import secrets
import uuid
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Interceptor, Worker

from activities.webhooks import WebhookActivities
from infra.postgres import Database
from infra.repositories.callbacks import PostgresCallbacks
from infra.repositories.delivery_logs import PostgresDeliveryLogs
from infra.repositories.webhook_deliveries import PostgresWebhookDeliveries
from infra.repositories.webhook_endpoints import PostgresWebhookEndpoints
from infra.repositories.webhook_messages import tell
from infra.temporal_webhooks import PromptWebhooks, TemporalWebhooks
from schema.contracts.notifications import DeliveryState
from schema.contracts.webhooks import EndpointSettings, NewEndpoint, NewMessage, WebhookDeliveryRef
from schema.ids import new_ping_id, webhook_workflow_id
from tests.support.builders import make_person
from tests.support.platform import make_vault
from tests.support.webhooks import ScriptedSender
from workflows.deliver_webhook import DeliverWebhook
from workflows.relay_webhooks import RelayWebhooks

URL = "https://hooks.example/secret-path"


@dataclass
class Webhooks:
    """One account's webhooks, and a receiver that does what the test says."""

    client: Client
    database: Database
    interceptors: list[Interceptor] = field(default_factory=list)
    task_queue: str = field(default_factory=lambda: f"webhooks-{uuid.uuid4()}")

    def __post_init__(self) -> None:
        vault = make_vault()
        self.sender = ScriptedSender()
        self.endpoints = PostgresWebhookEndpoints(self.database, vault)
        self.deliveries = PostgresWebhookDeliveries(self.database, vault)
        self.logs = PostgresDeliveryLogs(self.database, "https://spells.example")
        self.callbacks = PostgresCallbacks(self.database, vault)
        self.temporal = TemporalWebhooks(self.client, self.task_queue)
        self.prompt = PromptWebhooks(self.deliveries, self.temporal)

    def worker(self) -> AbstractAsyncContextManager[Any]:
        """A new worker; leaving its context ends it."""
        webhooks = WebhookActivities(self.deliveries, self.temporal, self.sender)
        return Worker(
            self.client,
            task_queue=self.task_queue,
            workflows=[DeliverWebhook, RelayWebhooks],
            activities=[webhooks.relay, webhooks.attempt, webhooks.bury],
            interceptors=self.interceptors,
            max_cached_workflows=0,
        )

    async def account(self) -> str:
        """A new account's id."""
        return (await make_person(self.database)).account_id

    async def endpoint(self, account_id: str, *events: str) -> NewEndpoint:
        settings = EndpointSettings(url=URL, events=list(events) or ["*"])
        return await self.endpoints.create(account_id, settings)

    async def told(self, account_id: str, event: str = "spell.suspended") -> str:
        """Something to be told; its message's id."""
        message = NewMessage(
            id=new_ping_id(), account_id=account_id, event=event, data={"spell": "com.example.x"}
        )
        async with self.database.transaction() as connection:
            await tell(connection, message)
        return message.id

    async def delivery(self) -> WebhookDeliveryRef:
        """A message on its way to an endpoint of a new account."""
        account_id = await self.account()
        endpoint = await self.endpoint(account_id)
        return WebhookDeliveryRef(message_id=await self.told(account_id), target=endpoint.id)

    def handle(self, delivery: WebhookDeliveryRef) -> WorkflowHandle[Any, DeliveryState]:
        """The delivery's workflow."""
        workflow_id = webhook_workflow_id(delivery.message_id, delivery.target)
        return self.client.get_workflow_handle(workflow_id, result_type=DeliveryState)

    async def end(self, delivery: WebhookDeliveryRef) -> DeliveryState:
        """How its workflow ends. A jump of hours ends this server's answer without an answer."""
        while True:
            try:
                return await self.handle(delivery).result()
            except RuntimeError as error:
                if "No completion event" not in str(error):
                    raise

    async def relay(self) -> None:
        """One look of the relay."""
        await self.client.execute_workflow(
            RelayWebhooks.run, id=f"relay-{secrets.token_hex(4)}", task_queue=self.task_queue
        )

    def times_sent(self, delivery: WebhookDeliveryRef) -> int:
        """How often its message came; a relay sends what other tests left, too."""
        return sum(one.message.id == delivery.message_id for one in self.sender.sent)

    async def row(self, delivery: WebhookDeliveryRef) -> Any:
        """The delivery's row, with the number of lines in its log."""
        return (
            await self.rows(
                "SELECT d.*, (SELECT count(*) FROM webhook_attempts a"
                "  WHERE a.message_id = d.message_id AND a.target = d.target) AS lines"
                " FROM webhook_deliveries d"
                " WHERE message_id = :message_id AND target = :target",
                **delivery.model_dump(),
            )
        )[0]

    async def rows(self, statement: str, **values: Any) -> list[Any]:
        async with self.database.transaction() as connection:
            result = await connection.execute(text(statement), values)
            return list(result.all()) if result.returns_rows else []
