"""From what an Actions run uploaded to what its cast gives: the output, and artifacts."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from schema import limits
from schema.artifact_names import OUTPUT_ARTIFACT
from schema.contracts.actions import ActionsArtifact
from schema.contracts.artifacts import ArtifactName
from schema.errors import SpellError
from schema.packaging.zip_reading import (
    ZipLimits,
    ZipRefusedError,
    ZipTooLargeError,
    files_of_zip,
)

OUTPUT_BUNDLE = "spell-output"
"""The artifact of a run that holds `output.json`: the cast's result."""
OUTPUT_BYTES_MAX = limits.OUTPUT_MB_MAX * limits.MIB
# Of each archive; folders count, too.
_ENTRIES_MAX = 1_000
# Packed, an archive may be a little larger than what is in it.
_PACKING_BYTES_MAX = limits.MIB
_NAME: TypeAdapter[str] = TypeAdapter(ArtifactName)

Download = Callable[[ActionsArtifact, int], Awaitable[bytes]]
Keep = Callable[[str, bytes], Awaitable[None]]


@dataclass
class Unpacking:
    """Unpacks the artifacts of one run, within the limits of one cast.

    Args:
        download: fetches an archive of at most so many bytes.
        keep: keeps one file under a name.
        bytes_max: of each archive, unpacked.
    """

    download: Download
    keep: Keep
    bytes_max: int
    output: bytes | None = None
    """The file `output.json` of `spell-output`, once it came by."""
    _kept: set[str] = field(default_factory=set)
    _bytes: int = 0

    async def take(self, artifact: ActionsArtifact) -> None:
        """Take the files of one artifact.

        Raises:
            SpellError: OUTPUT_INVALID, OUTPUT_TOO_LARGE; or what `download` and `keep` raise.
        """
        if artifact.bytes > self.bytes_max + _PACKING_BYTES_MAX:
            raise _too_large(artifact, f"is larger than {self.bytes_max} bytes")
        archive = await self.download(artifact, self.bytes_max + _PACKING_BYTES_MAX)
        # Inflating takes processor time, beside the loop.
        for path, content in await asyncio.to_thread(self._files, artifact, archive):
            await self._take_file(artifact, path, content)

    def _files(self, artifact: ActionsArtifact, archive: bytes) -> list[tuple[str, bytes]]:
        try:
            return list(files_of_zip(archive, ZipLimits(_ENTRIES_MAX, self.bytes_max)))
        except ZipTooLargeError as error:
            raise _too_large(artifact, str(error)) from error
        except ZipRefusedError as error:
            raise invalid(f"The archive of an artifact {error}.", artifact=artifact.name) from error

    async def _take_file(self, artifact: ActionsArtifact, path: str, content: bytes) -> None:
        of_bundle = artifact.name == OUTPUT_BUNDLE
        if of_bundle and path == OUTPUT_ARTIFACT:
            if len(content) > OUTPUT_BYTES_MAX:
                raise invalid(f"{OUTPUT_ARTIFACT} is larger than {OUTPUT_BYTES_MAX} bytes.")
            self.output = content
            return
        name = path if of_bundle else f"{artifact.name}/{path}"
        self._count(artifact, name, content)
        await self.keep(name, content)

    def _count(self, artifact: ActionsArtifact, name: str, content: bytes) -> None:
        try:
            _NAME.validate_python(name)
        except ValidationError:
            message = "An artifact has a file whose name is not taken: plain names, up to 200 long."
            raise invalid(message, artifact=artifact.name, name=name[:200]) from None
        if name in self._kept:
            raise invalid("Two artifacts have the same name.", name=name)
        self._kept.add(name)
        self._bytes += len(content)
        if len(self._kept) > limits.ARTIFACTS_PER_CAST_MAX:
            raise _too_large(artifact, f"are more than {limits.ARTIFACTS_PER_CAST_MAX} files")
        if self._bytes > limits.ARTIFACTS_BYTES_MAX:
            raise _too_large(artifact, f"are more than {limits.ARTIFACTS_BYTES_MAX} bytes")


def invalid(message: str, **details: Any) -> SpellError:
    """The end of a cast whose run left nothing usable: uncharged."""
    return SpellError("OUTPUT_INVALID", message, details=details)


def _too_large(artifact: ActionsArtifact, why: str) -> SpellError:
    message = f"The artifacts of the run go over a limit: {why}."
    return SpellError("OUTPUT_TOO_LARGE", message, details={"artifact": artifact.name})
