"""Starts what comes after publishing on Temporal: re-scans, advisory clocks, deliveries."""

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from schema.contracts.aftercare import RescanInput, VersionRef
from schema.contracts.notifications import DeliveryRef
from schema.errors import SpellError
from schema.ids import clock_workflow_id, delivery_workflow_id
from schema.names import SUPPLY_CHAIN_TASK_QUEUE

# By name: `workflows` is a sibling that infra does not import; a test checks that names agree.
CLOCK_WORKFLOW = "advisory_clock"
DELIVER_WORKFLOW = "deliver_notification"
RESCAN_WORKFLOW = "rescan_versions"
CHANGED_SIGNAL = "findings_changed"
RESCAN_ID = "rescan-versions"


class TemporalAftercare:
    """Fits the ports `AdvisoryClocks` and `Deliveries`, and the API's `Rescans`."""

    def __init__(self, client: Client, task_queue: str = SUPPLY_CHAIN_TASK_QUEUE) -> None:
        self._client = client
        self._task_queue = task_queue

    async def ensure(self, version: VersionRef) -> None:
        """See that the clock of a version runs, and have it look at what it waits for.

        Raises:
            RPCError: Temporal is away.
        """
        await self._client.start_workflow(
            CLOCK_WORKFLOW,
            version,
            id=clock_workflow_id(version.spell_key, version.version),
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            start_signal=CHANGED_SIGNAL,
            static_summary=f"{version.spell_key} {version.version}",
        )

    async def wake(self, version: VersionRef) -> None:
        """Have a clock look again, if there is one; it would find out by itself, but later."""
        clock_id = clock_workflow_id(version.spell_key, version.version)
        try:
            await self._client.get_workflow_handle(clock_id).signal(CHANGED_SIGNAL)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error

    async def start(self, delivery: DeliveryRef) -> None:
        """Start a delivery's workflow, or leave the one that runs or has run.

        Raises:
            RPCError: Temporal is away.
        """
        try:
            await self._client.start_workflow(
                DELIVER_WORKFLOW,
                delivery,
                id=delivery_workflow_id(delivery.notification_id, delivery.channel),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            )
        except WorkflowAlreadyStartedError:
            return

    async def rescan(self, *, import_first: bool) -> str:
        """Start a re-scan now, or join the one that an operator started. Its workflow's id.

        Raises:
            SpellError: SERVICE_UNAVAILABLE.
        """
        try:
            handle = await self._client.start_workflow(
                RESCAN_WORKFLOW,
                RescanInput(import_first=import_first),
                id=RESCAN_ID,
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            )
        except RPCError as error:
            raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error
        return handle.id
