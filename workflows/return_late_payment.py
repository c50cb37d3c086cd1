"""Giving back what was paid for a purchase that had ended."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.paying import PayingActivities
    from workflows import _policies as policies


@workflow.defn(name="return_late_payment")
class ReturnLatePayment:
    """Look at the payment of an ended purchase, and give it back if there is one.

    Id: `late-payment:<purchase id>`; a second start joins, and one after the end looks again.
    Messages: none.
    Undo: none needed; it is the undo.
    Never: touches the money of a purchase that was completed.
    See docs/workflows/return_late_payment.md.
    """

    @workflow.run
    async def run(self, purchase_id: str) -> None:
        """Give it back, however long that takes."""
        await workflow.execute_activity_method(
            PayingActivities.give_back, purchase_id, **policies.PAYMENT
        )
