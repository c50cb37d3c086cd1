"""From the messages to the workflows that deliver them: one look."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.webhooks import WebhookActivities
    from schema.contracts.webhooks import WebhookRelayReport
    from workflows import _policies as policies


@workflow.defn(name="relay_webhooks")
class RelayWebhooks:
    """Look once for messages that nobody delivers; a schedule starts it every minute.

    Most are told at once by whoever wrote them: this is for what died in between.

    Id: `relay-webhooks-<time>`, given by the schedule `relay-webhooks`.
    Messages: none.
    Undo: none needed; a delivery's workflow has its business id.
    Never: delivers anything by itself; deletes what is on its way.
    See docs/workflows/relay_webhooks.md.
    """

    @workflow.run
    async def run(self) -> WebhookRelayReport:
        """Look, start, delete what is old, report."""
        report: WebhookRelayReport = await workflow.execute_activity_method(
            WebhookActivities.relay, **policies.RECONCILE
        )
        return report
