"""One look at everything that is published, by what is known now."""

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.advisories import AdvisoryActivities
    from activities.rescanning import RescanningActivities
    from schema.contracts.advisories import ImportOrder
    from schema.contracts.aftercare import (
        RescanInput,
        RescannedPage,
        RescanPage,
        RescanReport,
        RescanSummary,
    )
    from workflows import _policies as policies
    from workflows._failures import problem_of

PAGES_PER_RUN = 20


@workflow.defn(name="rescan_versions")
class RescanVersions:
    """Bring the advisories in, then decide again on every published version, page by page.

    Id: `rescan-versions-<time>` by the schedule, `rescan-versions` when an operator starts it.
    Messages: none.
    Undo: none needed; each version is a transaction of its own, and harmless when repeated.
    Never: stops anything that runs; delists. That is for the clocks it starts.
    See docs/workflows/rescan_versions.md.
    """

    @workflow.run
    async def run(self, request: RescanInput) -> RescanReport:
        """Look at some pages, then go on in a new run; at the end write it down."""
        if request.import_first:
            await self._import()
        after, report = request.after, request.report or RescanReport()
        for _ in range(PAGES_PER_RUN):
            page: RescannedPage = await workflow.execute_activity_method(
                RescanningActivities.look, RescanPage(after=after), **policies.RESCAN
            )
            if page.last is None:
                return await self._conclude(report)
            after, report = page.last, report.plus(page.report)
            workflow.set_current_details(f"looked at {report.looked_at} versions")
        going_on = RescanInput(after=after, import_first=False, report=report)
        return workflow.continue_as_new(going_on)

    async def _import(self) -> None:
        """Advisories that cannot be had today are no reason not to look with those there are."""
        workflow.set_current_details("importing advisories")
        try:
            await workflow.execute_activity_method(
                AdvisoryActivities.import_advisories, ImportOrder(), **policies.IMPORT
            )
        except FailureError as error:
            workflow.logger.warning("advisories were not imported: %s", problem_of(error).code)

    async def _conclude(self, report: RescanReport) -> RescanReport:
        info = workflow.info()
        reference = f"rescanned:{info.workflow_id}:{info.first_execution_run_id}"
        await workflow.execute_activity_method(
            RescanningActivities.conclude,
            RescanSummary(reference=reference, report=report),
            **policies.AFTERCARE,
        )
        opened = f"{report.opened} findings opened, {report.closed} closed"
        workflow.set_current_details(f"looked at {report.looked_at} versions: {opened}")
        return report
