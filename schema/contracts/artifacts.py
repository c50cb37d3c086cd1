"""Artifacts: outputs of casts that are kept in object storage for a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field

from schema import limits as platform
from schema.artifact_names import ARTIFACT_NAME_PATTERN
from schema.contracts.base import Contract
from schema.errors import SpellError
from schema.ids import ApiKeyId, CastId, Digest

ArtifactName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=platform.ARTIFACT_NAME_CHARS_MAX,
        pattern=ARTIFACT_NAME_PATTERN,
    ),
]
"""A relative path of plain names: safe in URLs, headers and file systems. No part begins with a
dot, so none is `..`."""


def check_bounds(sizes: Sequence[int]) -> None:
    """Check what one cast leaves besides its output, by the bytes of each.

    Raises:
        SpellError: OUTPUT_TOO_LARGE, with the limit that is exceeded.
    """
    bounds = (
        ("artifacts_per_cast_max", platform.ARTIFACTS_PER_CAST_MAX, len(sizes)),
        ("artifact_bytes_max", platform.ARTIFACT_BYTES_MAX, max(sizes, default=0)),
        ("artifacts_bytes_max", platform.ARTIFACTS_BYTES_MAX, sum(sizes)),
    )
    for limit, most, given in bounds:
        if given > most:
            details = {"limit": limit, "maximum": most, "given": given}
            message = "The cast left more or larger artifacts than are kept."
            raise SpellError("OUTPUT_TOO_LARGE", message, details=details)


class KeptArtifact(Contract):
    """An artifact that lies in object storage, encrypted for the cast's account."""

    name: ArtifactName
    content_type: Annotated[str, Field(max_length=128)]
    digest: Digest
    """Of the content, in clear."""
    bytes: Annotated[int, Field(ge=0, le=platform.ARTIFACT_BYTES_MAX)]
    blob_key: str


class ArtifactView(Contract):
    """An artifact as its caster sees it."""

    cast_id: CastId
    name: ArtifactName
    content_type: str
    digest: Digest
    bytes: int
    created_at: datetime
    expires_at: datetime
    deleted_at: datetime | None = None
    """When its time was up; its content is gone since."""


class LinkOrder(Contract):
    """Body of `POST /v1/casts/{id}/artifacts:link`: to what, for how long, and how often."""

    name: ArtifactName
    expires_in: Annotated[
        int,
        Field(ge=1, le=platform.ARTIFACT_LINK_SECONDS_MAX, description="seconds from now on"),
    ] = platform.ARTIFACT_LINK_SECONDS
    one_use: bool = False
    """Whoever uses it first has the content; it is good for nobody after that."""


class ArtifactLink(Contract):
    """An address that gives an artifact to whoever asks, without a key."""

    url: str
    expires_at: datetime
    one_use: bool = False


class LinkClaim(Contract):
    """What a link's token is good for; only the platform can make or read one."""

    cast_id: CastId
    name: ArtifactName
    api_key_id: ApiKeyId
    """Who made the link; it dies with this key."""
    expires_at: datetime
    nonce: Annotated[str, Field(min_length=16, max_length=64)] | None = None
    """What a one-use link is known by once it was used; others have none."""
