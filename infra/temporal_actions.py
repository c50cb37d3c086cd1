"""Runs on GitHub Actions, as their workflows on Temporal are reached from outside."""

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from schema.contracts.actions import LateRun
from schema.errors import SpellError
from schema.ids import actions_workflow_id, late_run_workflow_id
from schema.names import GITHUB_TASK_QUEUE

# By name: `workflows` is a sibling that infra does not import; a test checks that names agree.
LATE_RUN_WORKFLOW = "cancel_late_run"
RUN_CHANGED_SIGNAL = "run_changed"


class TemporalActions:
    """Tells workflows what GitHub tells us."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def run_changed(self, cast_id: str) -> bool:
        """Have the cast's run looked at; False when nobody waits for it any more.

        Raises:
            SpellError: SERVICE_UNAVAILABLE.
        """
        handle = self._client.get_workflow_handle(actions_workflow_id(cast_id))
        try:
            await handle.signal(RUN_CHANGED_SIGNAL)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error
        return True

    async def cancel_late(self, late: LateRun) -> None:
        """Have a run cancelled that nobody waits for; once at a time.

        Raises:
            SpellError: SERVICE_UNAVAILABLE.
        """
        try:
            await self._client.start_workflow(
                LATE_RUN_WORKFLOW,
                late,
                id=late_run_workflow_id(late.cast_id),
                task_queue=GITHUB_TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            )
        except RPCError as error:
            raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error
