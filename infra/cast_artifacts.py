"""What casts left, for their casters. Fits the API's port `Artifacts`.

A cast's output is one of its artifacts, but has no row: the cast's own says that it is there, so
settling a cast costs no statement for it, and no digest of a small result lies in a table in clear.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from infra.artifact_store import EncryptedArtifactStore
from infra.cast_files import EncryptedCastFiles
from infra.repositories.artifacts import PostgresArtifacts
from schema.artifact_names import OUTPUT_ARTIFACT
from schema.contracts.artifacts import ArtifactView
from schema.contracts.cast import CastStatus
from schema.contracts.views import CastView
from schema.errors import SpellError
from schema.ids import account_of_cast, sha256_digest


@dataclass(frozen=True)
class OpenArtifact:
    """An artifact that is there to be read. Fits the API's port."""

    view: ArtifactView
    read: Callable[[int, int], AsyncIterator[bytes]]


class CastArtifacts:
    """Reads outputs and artifacts while they are kept.

    Args:
        rows: what there is besides outputs.
        store: has its content.
        files: has the outputs.
        lifetime: how long an output is kept after its cast ended.
    """

    def __init__(
        self,
        rows: PostgresArtifacts,
        store: EncryptedArtifactStore,
        files: EncryptedCastFiles,
        lifetime: timedelta,
    ) -> None:
        self._rows = rows
        self._store = store
        self._files = files
        self._lifetime = lifetime

    async def output(self, cast: CastView) -> bytes | None:
        """A succeeded cast's output; None when its time is up."""
        if not cast.output_kept or self.output_expires_at(cast) <= datetime.now(UTC):
            return None
        return await self._files.output(account_of_cast(cast.cast_id), cast.cast_id)

    def output_expires_at(self, cast: CastView) -> datetime:
        """Until when an ended cast's output is kept."""
        assert cast.finished_at is not None, "only a cast that has ended has an output"
        return cast.finished_at + self._lifetime

    async def of_cast(self, cast: CastView) -> list[ArtifactView]:
        """All of a cast's, its output first; those whose time is up and those deleted, too.

        Of a cast that did not succeed there are none: what nobody paid for is given to nobody.
        """
        if cast.status is not CastStatus.SUCCEEDED:
            return []
        output = await self.output(cast)
        rows = await self._rows.of_cast(account_of_cast(cast.cast_id), cast.cast_id)
        others = [view for view, _ in rows]
        return others if output is None else [self.output_view(cast, output), *others]

    def output_view(self, cast: CastView, output: bytes) -> ArtifactView:
        """The output as an artifact."""
        assert cast.finished_at is not None
        return ArtifactView(
            cast_id=cast.cast_id,
            name=OUTPUT_ARTIFACT,
            content_type="application/json",
            digest=sha256_digest(output),
            bytes=len(output),
            created_at=cast.finished_at,
            expires_at=self.output_expires_at(cast),
        )

    async def open(self, cast: CastView, name: str) -> OpenArtifact:
        """One artifact, with the way to its content.

        Raises:
            SpellError: ARTIFACT_NOT_FOUND, ARTIFACT_EXPIRED.
        """
        if cast.status is not CastStatus.SUCCEEDED:
            raise SpellError("ARTIFACT_NOT_FOUND")
        if name == OUTPUT_ARTIFACT:
            return await self._open_output(cast)
        account_id = account_of_cast(cast.cast_id)
        found = await self._rows.of_cast(account_id, cast.cast_id, name)
        if not found:
            raise SpellError("ARTIFACT_NOT_FOUND")
        view, kept = found[0]
        if view.deleted_at is not None or view.expires_at <= datetime.now(UTC):
            raise SpellError("ARTIFACT_EXPIRED")
        return OpenArtifact(view, partial(self._store.read, account_id, kept))

    async def _open_output(self, cast: CastView) -> OpenArtifact:
        output = await self.output(cast)
        if output is None:
            raise SpellError("ARTIFACT_EXPIRED")
        return OpenArtifact(self.output_view(cast, output), partial(_once, output))


async def _once(content: bytes, start: int, end: int) -> AsyncIterator[bytes]:
    yield content[start:end]
