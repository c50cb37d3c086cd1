"""The net under purchases: what a terminated workflow left open is given back and ended."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.paying import PayingActivities
    from activities.purchasing import PurchasingActivities
    from activities.recovering import RecoveringActivities
    from schema.contracts.maintenance import OrphanedPurchases
    from schema.contracts.problem import Problem
    from schema.contracts.purchases import EndOrder, PurchaseStatus
    from schema.errors import SpellError
    from workflows import _policies as policies


@workflow.defn(name="reconcile_purchases")
class ReconcilePurchases:
    """Look once for orphaned purchases; a schedule starts it every few minutes, one at a time.

    Id: `reconcile-purchases-<time>`, given by the schedule `reconcile-purchases`.
    Messages: none.
    Undo: none needed; it is the undo that a terminated purchase could not run.
    Never: touches a purchase whose workflow is open, or one that was completed.
    See docs/workflows/reconcile_purchases.md.
    """

    @workflow.run
    async def run(self) -> OrphanedPurchases:
        """Look, give back, end; the purchases that were resolved."""
        found: OrphanedPurchases = await workflow.execute_activity_method(
            RecoveringActivities.find_orphans, **policies.RECONCILE
        )
        # At once: one that cannot be resolved now must not keep the others waiting.
        results = await asyncio.gather(*map(self._resolve, found.purchase_ids))
        resolved = [each for each, done in zip(found.purchase_ids, results, strict=True) if done]
        if found.purchase_ids:
            workflow.set_current_details(f"resolved {len(resolved)} of {len(found.purchase_ids)}")
        return OrphanedPurchases(purchase_ids=resolved)

    async def _resolve(self, purchase_id: str) -> bool:
        """Give back and end one; False leaves it to the next look."""
        problem = Problem.of(SpellError("INTERNAL", "The purchase was stopped; nothing was kept."))
        try:
            await workflow.execute_activity_method(
                PayingActivities.give_back, purchase_id, **policies.RECOVER_PAYMENT
            )
            await workflow.execute_activity_method(
                PurchasingActivities.end,
                EndOrder(purchase_id=purchase_id, status=PurchaseStatus.FAILED, problem=problem),
                **policies.RECOVER_PAYMENT,
            )
        except FailureError as error:
            workflow.logger.warning("purchase %s is not resolved yet: %s", purchase_id, error)
            return False
        return True
