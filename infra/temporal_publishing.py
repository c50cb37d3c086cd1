"""Keeps an upload and runs the publishing workflow. Fits the API's port `Publishing`."""

import asyncio
from datetime import timedelta

from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from infra.blob_store import ObjectBlobStore
from infra.repositories.publications import PostgresPublications
from schema.blob_keys import bundle_key, package_key
from schema.contracts.publish import PublishInput, PublishResult
from schema.errors import SpellError
from schema.ids import publish_workflow_id, sha256_digest
from schema.names import PUBLISHING_TASK_QUEUE

PUBLISH_WORKFLOW = "publish_spell"
_EXECUTION_TIMEOUT = timedelta(minutes=15)


class TemporalPublishing:
    """The way of an upload into the catalogue."""

    def __init__(
        self, client: Client, blobs: ObjectBlobStore, publications: PostgresPublications
    ) -> None:
        self._client = client
        self._blobs = blobs
        self._publications = publications

    async def keep_bundle(self, bundle: bytes) -> str:
        """Keep a signature under its digest, which is the answer."""
        digest = sha256_digest(bundle)
        await self._blobs.put(bundle_key(digest), bundle)
        return digest

    async def publish(self, request: PublishInput, archive: bytes) -> None:
        """Keep the archive under its digest and start its publication, or join it.

        One that has ended stays as it ended.

        Raises:
            SpellError: IDEMPOTENCY_CONFLICT, SERVICE_UNAVAILABLE.
        """
        await self._publications.begin(request)
        if await self._publications.result(request.publication_id) is not None:
            return
        await self._blobs.put(package_key(request.package_digest), archive)
        try:
            await self._client.start_workflow(
                PUBLISH_WORKFLOW,
                request,
                id=publish_workflow_id(request.publication_id),
                task_queue=PUBLISHING_TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                # One that ended has its verdict; one that was terminated or timed out has none.
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                execution_timeout=_EXECUTION_TIMEOUT,
                static_summary=request.package_digest,
            )
        except WorkflowAlreadyStartedError:
            return
        except RPCError as error:
            raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error

    async def result(self, publication_id: str, *, seconds_max: float) -> PublishResult | None:
        """How the publication ended; None when it still runs after that time.

        Raises:
            SpellError: SERVICE_UNAVAILABLE; INTERNAL, it ended without a verdict.
        """
        ended = await self._publications.result(publication_id)
        if ended is not None:
            return ended
        workflow_id = publish_workflow_id(publication_id)
        handle = self._client.get_workflow_handle(workflow_id, result_type=PublishResult)
        try:
            async with asyncio.timeout(seconds_max):
                result: PublishResult = await handle.result()
        except TimeoutError:
            return None
        except WorkflowFailureError as error:
            raise SpellError("INTERNAL") from error
        except RPCError as error:
            raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error
        return result
