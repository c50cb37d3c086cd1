"""Looks for purchases whose workflow was terminated: their money is nobody's."""

from typing import Final

from temporalio import activity

from activities.ports import WorkflowStates
from activities.purchase_ports import PurchaseRecords
from schema.contracts.maintenance import OrphanedPurchases
from schema.ids import purchase_workflow_id

# A purchase is recorded by its own workflow, so one without an open workflow never gets one again.
PURCHASE_AGE_SECONDS_MIN: Final = 60
PURCHASES_PER_PAGE: Final = 200
# Each is then resolved by steps of its own; the next look takes the others.
ORPHANS_MAX: Final = 50


class RecoveringActivities:
    """Finds what was left behind.

    Args:
        records: of purchases.
        workflows: whether they still run.
    """

    def __init__(self, records: PurchaseRecords, workflows: WorkflowStates) -> None:
        self._records = records
        self._workflows = workflows

    @activity.defn(name="recovering.find_orphans")
    async def find_orphans(self) -> OrphanedPurchases:
        """Find purchases that have not ended, or hold money, and whose workflow is closed.

        Effect: none.
        Same twice: it only reads.
        Gives up on: nothing; the next look comes within minutes.
        Heartbeat: before each question to Temporal.
        """
        orphans: list[str] = []
        skip = 0
        while len(orphans) < ORPHANS_MAX:
            found = await self._records.unresolved(
                older_than_seconds=PURCHASE_AGE_SECONDS_MIN, skip=skip, limit=PURCHASES_PER_PAGE
            )
            for purchase_id in found:
                activity.heartbeat()
                if not await self._workflows.is_open(purchase_workflow_id(purchase_id)):
                    orphans.append(purchase_id)
            skip += len(found)
            if not found:
                break
        return OrphanedPurchases(purchase_ids=orphans[:ORPHANS_MAX])
