"""The net under the casts: holds whose workflow was terminated are released."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.maintenance import MaintenanceActivities
    from schema.contracts.maintenance import ReconcileReport
    from workflows import _policies as policies


@workflow.defn(name="reconcile_holds")
class ReconcileHolds:
    """Look once at the open holds; a schedule starts it every minute, one at a time.

    Id: `reconcile-holds-<time>`, given by the schedule `reconcile-holds`.
    Messages: none.
    Undo: none needed; each release is a transaction of its own and harmless when repeated.
    Never: releases a hold whose workflow is open.
    See docs/workflows/reconcile_holds.md.
    """

    @workflow.run
    async def run(self) -> ReconcileReport:
        """Look, release, report."""
        report: ReconcileReport = await workflow.execute_activity_method(
            MaintenanceActivities.reconcile_holds, **policies.RECONCILE
        )
        if report.released:
            workflow.set_current_details(f"released {len(report.released)} orphaned holds")
        return report
