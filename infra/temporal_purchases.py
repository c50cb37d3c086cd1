"""Starts, joins, cancels and wakes purchases on Temporal. Fits the API's port `Purchasing`."""

from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from infra.temporal_failures import spell_error_of
from infra.temporal_updates import start_and_ask
from schema.contracts.purchases import PurchaseAnswer, PurchaseInput
from schema.errors import SpellError
from schema.ids import late_payment_workflow_id, purchase_workflow_id
from schema.names import PURCHASES_TASK_QUEUE

# By name: `workflows` is a sibling that infra does not import; a test checks that names agree.
PURCHASE_WORKFLOW = "purchase_clone"
LATE_PAYMENT_WORKFLOW = "return_late_payment"
READY_UPDATE = "ready"
CANCEL_UPDATE = "cancel"
SETTLED_SIGNAL = "payment_settled"
_ANSWER_TIMEOUT = timedelta(seconds=90)


class TemporalPurchases:
    """The durable process of purchases; update ids as those of casts."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def buy(self, request: PurchaseInput) -> PurchaseAnswer:
        """Start the purchase or join it, and wait until it can be paid.

        Raises:
            SpellError: IDEMPOTENCY_CONFLICT, SERVICE_UNAVAILABLE.
        """
        start: WithStartWorkflowOperation[Any, PurchaseAnswer] = WithStartWorkflowOperation(
            PURCHASE_WORKFLOW,
            request,
            id=purchase_workflow_id(request.purchase_id),
            task_queue=PURCHASES_TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=request.spell_key,
        )
        answer: PurchaseAnswer = await start_and_ask(
            self._client,
            READY_UPDATE,
            request.fingerprint,
            start,
            result_type=PurchaseAnswer,
            conflict={"purchase_id": request.purchase_id},
            patience=_ANSWER_TIMEOUT,
        )
        return answer

    async def cancel(self, purchase_id: str) -> None:
        """Give the purchase up. Raises SpellError: PURCHASE_FINISHED, SERVICE_UNAVAILABLE."""
        handle = self._client.get_workflow_handle(purchase_workflow_id(purchase_id))
        try:
            await handle.execute_update(
                CANCEL_UPDATE, result_type=PurchaseAnswer, rpc_timeout=_ANSWER_TIMEOUT
            )
        except WorkflowUpdateFailedError as error:
            raise spell_error_of(error) from error
        except WorkflowUpdateRPCTimeoutOrCancelledError as error:
            raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise SpellError("PURCHASE_FINISHED") from error
            raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error

    async def payment_settled(self, purchase_id: str) -> None:
        """Have the payment looked at, by the purchase or, once that has ended, for it.

        Raises:
            SpellError: SERVICE_UNAVAILABLE.
        """
        handle = self._client.get_workflow_handle(purchase_workflow_id(purchase_id))
        try:
            await handle.signal(SETTLED_SIGNAL)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error
            await self._return_late(purchase_id)

    async def _return_late(self, purchase_id: str) -> None:
        try:
            await self._client.start_workflow(
                LATE_PAYMENT_WORKFLOW,
                purchase_id,
                id=late_payment_workflow_id(purchase_id),
                task_queue=PURCHASES_TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            )
        except RPCError as error:
            raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error
