"""The end of what casts left: deleted when its time is up."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.artifacts import ArtifactTidying
    from schema.contracts.maintenance import TidyArtifactsReport
    from workflows import _policies as policies


@workflow.defn(name="tidy_artifacts")
class TidyArtifacts:
    """Look once for outputs, artifacts and error streams past their time; hourly by a schedule.

    Id: `tidy-artifacts-<time>`, given by the schedule `tidy-artifacts`.
    Messages: none.
    Undo: none; deletion is what it is for, and is harmless when repeated.
    Never: deletes what is still to be kept; touches receipts.
    See docs/workflows/tidy_artifacts.md.
    """

    @workflow.run
    async def run(self) -> TidyArtifactsReport:
        """Delete, report."""
        report: TidyArtifactsReport = await workflow.execute_activity_method(
            ArtifactTidying.tidy, **policies.RECONCILE
        )
        if report.deleted:
            workflow.set_current_details(f"deleted {report.deleted} outputs, artifacts and logs")
        return report
