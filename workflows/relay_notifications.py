"""From the outbox to the workflows that deliver: one look."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.notifying import NotifyingActivities
    from schema.contracts.notifications import RelayReport
    from workflows import _policies as policies


@workflow.defn(name="relay_notifications")
class RelayNotifications:
    """Look once at the outbox; a schedule starts it every minute, one at a time.

    Id: `relay-notifications-<time>`, given by the schedule `relay-notifications`.
    Messages: none.
    Undo: none needed; a delivery's workflow has its business id.
    Never: delivers anything by itself.
    See docs/workflows/relay_notifications.md.
    """

    @workflow.run
    async def run(self) -> RelayReport:
        """Look, start, report."""
        report: RelayReport = await workflow.execute_activity_method(
            NotifyingActivities.relay, **policies.RECONCILE
        )
        return report
