"""One notification's way through one channel, for days if it must be."""

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.notifying import NotifyingActivities
    from schema.contracts.notifications import DeliveryRef
    from workflows import _policies as policies
    from workflows._failures import problem_of


@workflow.defn(name="deliver_notification")
class DeliverNotification:
    """Deliver one notification through one channel, or keep it as a dead letter.

    Id: `notify:<notification id>:<channel>`; a second start joins the first.
    Messages: none.
    Undo: none; what was told cannot be untold.
    Never: sends under another id; holds an address or a secret in its history.
    See docs/workflows/deliver_notification.md.
    """

    @workflow.run
    async def run(self, delivery: DeliveryRef) -> bool:
        """Try until it is taken or refused, or the days are over. True when it was taken."""
        try:
            await workflow.execute_activity_method(
                NotifyingActivities.deliver, delivery, **policies.DELIVER
            )
        except FailureError as error:
            workflow.set_current_details(f"dead letter: `{problem_of(error).code}`")
            await workflow.execute_activity_method(
                NotifyingActivities.bury, delivery, **policies.AFTERCARE
            )
            return False
        return True
