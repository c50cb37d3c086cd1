"""Steps of a publication, told to whoever follows it: that one began, and what came of it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from activities._failures import to_failure
from activities.ports import BlobStore, Publications, RunBus
from schema.blob_keys import evidence_key
from schema.contracts.publish import PublicationEventKind, PublishInput, PublishStep
from schema.contracts.supply_chain import PackageEvidence, Reason
from schema.errors import SpellError


class PublicationSteps:
    """What the steps of one publication share: its events, and the evidence that they look at."""

    def __init__(self, publications: Publications, blobs: BlobStore, bus: RunBus) -> None:
        self._publications = publications
        self._blobs = blobs
        self._bus = bus

    @asynccontextmanager
    async def step(self, request: PublishInput, step: PublishStep) -> AsyncIterator[dict[str, Any]]:
        """Tell that the step begins and, with what the block puts into the value, that it ended.

        Errors with a code leave as failures of the activity. One that fails does not end.
        """
        found: dict[str, Any] = {}
        try:
            await self._note(request, PublicationEventKind.STEP_STARTED, step, {})
            yield found
            await self._note(request, PublicationEventKind.STEP_ENDED, step, found)
        except SpellError as error:
            raise to_failure(error) from error

    async def keep(self, request: PublishInput, evidence: PackageEvidence) -> None:
        """Keep what the checks are to look at, while the publication runs."""
        content = evidence.model_dump_json().encode()
        await self._blobs.put(evidence_key(request.publication_id), content)

    async def evidence(self, request: PublishInput) -> PackageEvidence:
        """What the checks look at. Raises SpellError(INTERNAL) when it is gone."""
        content = await self._blobs.get(evidence_key(request.publication_id))
        if content is None:
            raise SpellError("INTERNAL", "The upload is gone from object storage; send it again.")
        return PackageEvidence.model_validate_json(content)

    async def forget(self, request: PublishInput) -> None:
        """Drop what the checks looked at, and wake those who follow."""
        await self._blobs.delete(evidence_key(request.publication_id))
        await self._bus.announce_event(request.publication_id)

    async def _note(
        self,
        request: PublishInput,
        kind: PublicationEventKind,
        step: PublishStep,
        data: dict[str, Any],
    ) -> None:
        await self._publications.note_step(request.publication_id, kind, step, data)
        await self._bus.announce_event(request.publication_id)


def told(reasons: Sequence[Reason]) -> dict[str, Any]:
    """What the end of a check tells: every reason, as the verdict will have it."""
    return {"reasons": [reason.model_dump(mode="json") for reason in reasons]}
