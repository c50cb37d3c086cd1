"""Keeps an upload and runs the publishing workflow. Fits the API's port `Publishing`."""

from datetime import timedelta

from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from infra.blob_store import ObjectBlobStore
from schema.blob_keys import package_key
from schema.contracts.publish import PublishInput, PublishResult
from schema.errors import SpellError
from schema.ids import publish_workflow_id
from schema.names import PUBLISHING_TASK_QUEUE

PUBLISH_WORKFLOW = "publish_spell"
_VERDICT_TIMEOUT = timedelta(minutes=6)


class TemporalPublishing:
    """The way of an upload into the catalogue."""

    def __init__(self, client: Client, blobs: ObjectBlobStore) -> None:
        self._client = client
        self._blobs = blobs

    async def publish(self, request: PublishInput, archive: bytes) -> PublishResult:
        """Keep the archive under its digest and wait for the verdict on it.

        The same package again joins a running publication; after that it repeats the checks,
        since a refusal may have been the platform's trouble, and finds the version there.

        Raises:
            SpellError: SERVICE_UNAVAILABLE, INTERNAL.
        """
        await self._blobs.put(package_key(request.package_digest), archive)
        try:
            result: PublishResult = await self._client.execute_workflow(
                PUBLISH_WORKFLOW,
                request,
                id=publish_workflow_id(request.account_id, request.package_digest),
                task_queue=PUBLISHING_TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                execution_timeout=_VERDICT_TIMEOUT,
                result_type=PublishResult,
                static_summary=request.package_digest,
            )
            return result  # noqa: TRY300  (the excepts are about the call above)
        except WorkflowFailureError as error:
            raise SpellError("INTERNAL") from error
        except RPCError as error:
            raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error
