"""The net under workflow mode: what nobody withdrew is dropped."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.purging import PurgingActivities
    from workflows import _policies as policies


@workflow.defn(name="tidy_actions")
class TidyActions:
    """Look once at what runs on GitHub Actions left behind; a schedule starts it every hour.

    Id: `tidy-actions-<time>`, given by the schedule `tidy-actions`.
    Messages: none.
    Undo: none needed; what is dropped is past its time.
    Never: drops inputs whose address still works.
    See docs/workflows/tidy_actions.md.
    """

    @workflow.run
    async def run(self) -> int:
        """Drop, count."""
        purged: int = await workflow.execute_activity_method(
            PurgingActivities.actions, **policies.RECONCILE
        )
        return purged
