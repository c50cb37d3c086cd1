"""Starts, joins, cancels and revokes casts on Temporal.

Fits the API's port `Casting` and the activities' `CastRevoker`.
"""

from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.service import RPCError, RPCStatusCode

from infra.temporal_failures import spell_error_of
from infra.temporal_updates import start_and_ask
from schema.contracts.cast import (
    Admission,
    CancelResult,
    CastInput,
    CastResult,
)
from schema.contracts.plans import Mode
from schema.contracts.problem import Problem
from schema.errors import SpellError
from schema.ids import cast_workflow_id
from schema.names import (
    CASTS_TASK_QUEUE,
    SEARCH_ACCOUNT,
    SEARCH_MODE,
    SEARCH_SPELL,
    SEARCH_STATUS,
)

# By name: `workflows` is a sibling that infra does not import; a test checks that names agree.
CAST_WORKFLOW = "cast_spell"
ADMIT_UPDATE = "admit"
CANCEL_UPDATE = "cancel"
REVOKE_SIGNAL = "revoke"

_ANSWER_TIMEOUT = timedelta(seconds=60)
_SPELL = SearchAttributeKey.for_keyword(SEARCH_SPELL)
_ACCOUNT = SearchAttributeKey.for_keyword(SEARCH_ACCOUNT)
_MODE = SearchAttributeKey.for_keyword(SEARCH_MODE)
_STATUS = SearchAttributeKey.for_keyword(SEARCH_STATUS)


class TemporalCasts:
    """The durable process of casts.

    The update id carries the body's fingerprint: equal requests share one update, also after the
    workflow has closed; another body meets the validator, or a closed workflow. Both are conflicts
    (architecture.md 2, measured).
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    async def admit(self, request: CastInput) -> Admission:
        """Start the cast or join it, and answer with its admission.

        Raises:
            SpellError: IDEMPOTENCY_CONFLICT, SERVICE_UNAVAILABLE, or what admission failed with.
        """
        start: WithStartWorkflowOperation[Any, CastResult] = WithStartWorkflowOperation(
            CAST_WORKFLOW,
            request,
            id=cast_workflow_id(request.cast_id),
            task_queue=CASTS_TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            search_attributes=_search_attributes(request),
            static_summary=f"{request.spell_key} {request.version or 'newest'}",
        )
        admission: Admission = await start_and_ask(
            self._client,
            ADMIT_UPDATE,
            request.fingerprint,
            start,
            result_type=Admission,
            conflict={"cast_id": request.cast_id},
            patience=_ANSWER_TIMEOUT,
        )
        return admission

    async def cancel(self, cast_id: str) -> CancelResult | None:
        """Cancel the cast and answer with how it ended; None when it had ended before."""
        handle = self._client.get_workflow_handle(cast_workflow_id(cast_id))
        try:
            cancelled: CancelResult = await handle.execute_update(
                CANCEL_UPDATE,
                id=CANCEL_UPDATE,
                result_type=CancelResult,
                rpc_timeout=_ANSWER_TIMEOUT,
            )
            return cancelled  # noqa: TRY300  (the excepts are about the call above)
        except WorkflowUpdateFailedError as error:
            raise spell_error_of(error) from error
        except WorkflowUpdateRPCTimeoutOrCancelledError as error:
            raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error

    async def revoke(self, cast_id: str, problem: Problem) -> bool:
        """Tell the cast to stop, uncharged; False when its workflow is closed.

        Raises:
            SpellError: SERVICE_UNAVAILABLE.
        """
        handle = self._client.get_workflow_handle(cast_workflow_id(cast_id))
        try:
            await handle.signal(REVOKE_SIGNAL, problem)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error
        return True


def _search_attributes(request: CastInput) -> TypedSearchAttributes:
    """Not encrypted by the codec, so: opaque ids and codes only."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(_SPELL, request.spell_key),
            SearchAttributePair(_ACCOUNT, request.account_id),
            SearchAttributePair(_MODE, (request.mode or Mode.SERVICE).value),
            SearchAttributePair(_STATUS, "running"),
        ]
    )
