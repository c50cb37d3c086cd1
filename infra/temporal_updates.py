"""Starting a workflow and asking it something, in one call to Temporal.

The update's id carries the fingerprint of the caller's request: equal requests share one update,
also after the workflow has closed; another request meets the workflow's validator, or a closed
workflow. Both are conflicts (architecture.md 2, measured).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from infra.temporal_failures import spell_error_of
from schema.contracts.cast import AdmitRequest
from schema.errors import SpellError
from schema.ids import admit_update_id


async def start_and_ask(
    client: Client,
    update: str,
    fingerprint: str,
    start: WithStartWorkflowOperation[Any, Any],
    *,
    result_type: type,
    conflict: Mapping[str, str],
    patience: timedelta,
) -> Any:
    """Start the workflow or join it, and wait for its answer.

    Args:
        client: of Temporal.
        update: the name of what is asked.
        fingerprint: of the caller's request.
        start: the workflow.
        result_type: of the answer.
        conflict: details of the error when the workflow answers another request.
        patience: how long to wait.

    Raises:
        SpellError: IDEMPOTENCY_CONFLICT, SERVICE_UNAVAILABLE, or what the update failed with.
    """
    try:
        return await client.execute_update_with_start_workflow(
            update,
            AdmitRequest(fingerprint=fingerprint),
            start_workflow_operation=start,
            id=admit_update_id(fingerprint),
            result_type=result_type,
            rpc_timeout=patience,
        )
    except WorkflowAlreadyStartedError as error:
        # Closed, and no update with this fingerprint in it: the key was used for another body.
        raise SpellError("IDEMPOTENCY_CONFLICT", details=dict(conflict)) from error
    except WorkflowUpdateFailedError as error:
        raise spell_error_of(error) from error
    except (WorkflowUpdateRPCTimeoutOrCancelledError, RPCError) as error:
        raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error
