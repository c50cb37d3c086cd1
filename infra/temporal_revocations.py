"""Has revocations applied by a workflow. Fits the API's port `Revoking`."""

import asyncio

from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from infra.temporal_failures import spell_error_of
from schema.contracts.revocation import Revocation, RevocationResult
from schema.errors import SpellError
from schema.ids import revocation_workflow_id
from schema.names import CASTS_TASK_QUEUE

REVOCATION_WORKFLOW = "apply_revocation"


class TemporalRevocations:
    """Starts a revocation, or joins the one of the same thing that is under way."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def apply(self, revocation: Revocation, *, seconds_max: float) -> RevocationResult | None:
        """What it did; None when it still goes on after that time.

        Raises:
            SpellError: REVOCATION_NOT_FOUND, SERVICE_UNAVAILABLE.
        """
        trusted = revocation.trusted
        try:
            handle = await self._client.start_workflow(
                REVOCATION_WORKFLOW,
                revocation,
                id=revocation_workflow_id(
                    trusted.kind, trusted.value, trusted.issuer, lift=revocation.lift
                ),
                task_queue=CASTS_TASK_QUEUE,
                result_type=RevocationResult,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                static_summary=f"{'lift' if revocation.lift else 'revoke'} {trusted.kind}",
            )
            async with asyncio.timeout(seconds_max):
                result: RevocationResult = await handle.result()
                return result
        except TimeoutError:
            return None
        except WorkflowFailureError as error:
            raise spell_error_of(error) from error
        except RPCError as error:
            raise SpellError("SERVICE_UNAVAILABLE", retry_after=2) from error
