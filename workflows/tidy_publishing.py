"""The net under publishing: what nobody goes on with is ended and dropped."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.tidying import TidyingActivities
    from schema.contracts.maintenance import TidyReport
    from workflows import _policies as policies


@workflow.defn(name="tidy_publishing")
class TidyPublishing:
    """Look once at what publishing left behind; a schedule starts it every five minutes.

    Id: `tidy-publishing-<time>`, given by the schedule `tidy-publishing`.
    Messages: none.
    Undo: none needed; each end is a transaction of its own and harmless when repeated.
    Never: ends a publication whose workflow is open; drops an upload that can still go on.
    See docs/workflows/tidy_publishing.md.
    """

    @workflow.run
    async def run(self) -> TidyReport:
        """End, drop, report."""
        closed: list[str] = await workflow.execute_activity_method(
            TidyingActivities.close_publications, **policies.RECONCILE
        )
        purged: int = await workflow.execute_activity_method(
            TidyingActivities.purge_uploads, **policies.RECONCILE
        )
        if closed or purged:
            details = f"ended {len(closed)} publications, dropped {purged} uploads"
            workflow.set_current_details(details)
        return TidyReport(closed=closed, purged=purged)
