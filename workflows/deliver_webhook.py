"""One message's way to one receiver, for days if it must be."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.webhooks import WebhookActivities
    from schema.contracts.notifications import DeliveryState
    from schema.contracts.webhooks import WebhookDeliveryRef
    from workflows import _policies as policies


@workflow.defn(name="deliver_webhook")
class DeliverWebhook:
    """Deliver one message to one endpoint or callback, or keep it as a dead letter.

    Id: `webhook:<message id>:<target>`; one at a time, another one when it is replayed.
    Messages: none.
    Undo: none; what was told cannot be untold.
    Never: sends under another id; holds a URL, a secret or a receiver's answer in its history.
    See docs/workflows/deliver_webhook.md.
    """

    @workflow.run
    async def run(self, delivery: WebhookDeliveryRef) -> DeliveryState:
        """Try at once, then after growing pauses, until it is taken or the days are over."""
        state = await self._attempt(delivery)
        for pause in policies.WEBHOOK_PAUSES:
            if state is not DeliveryState.PENDING:
                return state
            workflow.set_current_details(f"not taken; next attempt in about {pause}")
            await workflow.sleep(_jittered(pause))
            state = await self._attempt(delivery)
        if state is DeliveryState.PENDING:
            state = await workflow.execute_activity_method(
                WebhookActivities.bury, delivery, **policies.AFTERCARE
            )
            workflow.set_current_details("dead letter")
        return state

    async def _attempt(self, delivery: WebhookDeliveryRef) -> DeliveryState:
        state: DeliveryState = await workflow.execute_activity_method(
            WebhookActivities.attempt, delivery, **policies.WEBHOOK_ATTEMPT
        )
        return state


def _jittered(pause: timedelta) -> timedelta:
    """Up to a fifth longer: receivers that were away are not asked for everything at once."""
    return pause * (1 + workflow.random().random() / 5)
