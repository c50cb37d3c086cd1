"""From Stripe's events to the purchases that wait for them: one look at what was left."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.inbox import InboxActivities
    from schema.contracts.stripe_events import StripeRelayReport
    from workflows import _policies as policies


@workflow.defn(name="relay_stripe_events")
class RelayStripeEvents:
    """Look once for events that nobody handled; a schedule starts it every minute.

    Most are handled by the api as they come: this is for what died in between.

    Id: `relay-stripe-events-<time>`, given by the schedule `relay-stripe-events`.
    Messages: none.
    Undo: none needed; an event is a hint, so handling it again does no harm.
    Never: moves money by an event's word; deletes what was not handled.
    See docs/workflows/relay_stripe_events.md.
    """

    @workflow.run
    async def run(self) -> StripeRelayReport:
        """Look, tell, delete what is old, report."""
        report: StripeRelayReport = await workflow.execute_activity_method(
            InboxActivities.relay, **policies.RECONCILE
        )
        return report
