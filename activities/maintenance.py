"""Housekeeping: what a workflow that was terminated could not put right by itself."""

from temporalio import activity

from activities.ports import OpenHolds, RunBus, WorkflowStates
from schema.contracts.cast import ReleaseOrder
from schema.contracts.maintenance import ReconcileReport
from schema.ids import cast_workflow_id

# A hold younger than this belongs to a cast that is being admitted or run right now.
HOLD_AGE_SECONDS_MIN = 60
HOLDS_PER_PAGE = 200


class MaintenanceActivities:
    """Looks for what was left behind."""

    def __init__(self, holds: OpenHolds, workflows: WorkflowStates, bus: RunBus) -> None:
        self._holds = holds
        self._workflows = workflows
        self._bus = bus

    @activity.defn(name="maintenance.reconcile_holds")
    async def reconcile_holds(self) -> ReconcileReport:
        """Release the holds of casts whose workflow is closed (decision 8).

        Effect: the hold voided and the cast ended as failed, uncharged, one transaction each.
        Same twice: a closed hold stays as it is.
        Gives up on: nothing; the next look comes within a minute.
        Heartbeat: after each hold.
        """
        released: list[str] = []
        left_open = 0
        while orders := await self._holds.open_holds(
            older_than_seconds=HOLD_AGE_SECONDS_MIN, skip=left_open, limit=HOLDS_PER_PAGE
        ):
            for order in orders:
                activity.heartbeat()
                if await self._released(order):
                    released.append(order.cast_id)
                else:
                    left_open += 1
        return ReconcileReport(looked_at=left_open + len(released), released=released)

    async def _released(self, order: ReleaseOrder) -> bool:
        """Release the hold unless its workflow is open; False leaves it where it is."""
        if await self._workflows.is_open(cast_workflow_id(order.cast_id)):
            return False
        await self._holds.release(order)
        await self._bus.announce_event(order.cast_id)
        return True
