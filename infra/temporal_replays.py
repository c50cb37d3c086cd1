"""Has casts replayed by a workflow. Fits the API's port `Replaying`."""

import asyncio
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from infra.blob_store import ObjectBlobStore
from infra.temporal_failures import spell_error_of
from infra.vault import PlatformVault
from schema.blob_keys import replay_key
from schema.contracts.replay import ReplayInput, ReplayReport
from schema.errors import SpellError
from schema.ids import account_of_cast, replay_workflow_id
from schema.names import CASTS_TASK_QUEUE

REPLAY_WORKFLOW = "replay_cast"


class TemporalReplays:
    """One replay for each cast: its report is kept, and answered again for ever.

    A replay that failed by the platform's fault leaves no report, so that it may be asked again.
    """

    def __init__(self, client: Client, blobs: ObjectBlobStore, vault: PlatformVault) -> None:
        self._client = client
        self._blobs = blobs
        self._vault = vault

    async def replay(self, request: ReplayInput, *, seconds_max: float) -> ReplayReport | None:
        """The report on the cast's replay; None when it still runs after that time.

        Raises:
            SpellError: what the replay failed with, or SERVICE_UNAVAILABLE.
        """
        kept = await self._kept(request.cast_id)
        if kept is not None:
            return kept
        handle = await self._start(request)
        try:
            async with asyncio.timeout(seconds_max):
                return await handle.result()
        except TimeoutError:
            return None
        except WorkflowFailureError as error:
            raise spell_error_of(error) from error
        except RPCError as error:
            raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error

    async def _kept(self, cast_id: str) -> ReplayReport | None:
        content = await self._blobs.get(replay_key(cast_id))
        if content is None:
            return None
        plain = self._vault.decrypt(account_of_cast(cast_id), content)
        return ReplayReport.model_validate_json(plain)

    async def _start(self, request: ReplayInput) -> WorkflowHandle[Any, ReplayReport]:
        workflow_id = replay_workflow_id(request.cast_id)
        try:
            return await self._client.start_workflow(
                REPLAY_WORKFLOW,
                request,
                id=workflow_id,
                task_queue=CASTS_TASK_QUEUE,
                result_type=ReplayReport,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                static_summary=request.cast_id,
            )
        except WorkflowAlreadyStartedError:
            # It ended since we looked.
            return self._client.get_workflow_handle(workflow_id, result_type=ReplayReport)
        except RPCError as error:
            raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error
