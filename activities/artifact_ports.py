"""The roles of what keeps and deletes artifacts. The adapters are in `infra/`."""

from typing import Protocol

from schema.contracts.artifacts import KeptArtifact


class ArtifactStore(Protocol):
    """Artifacts of casts in object storage, encrypted for their accounts.

    Keeping is repeatable: the same cast and name have the same key. Rows about them are written
    when the cast is settled, from `RunOutcome.artifacts`.
    """

    async def keep(
        self, cast_id: str, name: str, content: bytes, content_type: str | None = None
    ) -> KeptArtifact:
        """Keep one; its content type is guessed from the name unless it is given.

        Raises SpellError: OUTPUT_TOO_LARGE, OUTPUT_INVALID (a name that is none).
        """


class ExpiredArtifacts(Protocol):
    """Outputs, artifacts and error streams that are past their time."""

    async def purge(self) -> int:
        """Delete a few of them, content first; how many it were."""

    async def forget_used_links(self) -> None:
        """Drop the notes on one-use links whose time is up anyway."""
