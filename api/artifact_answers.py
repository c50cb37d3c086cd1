"""Artifacts over HTTP: streamed, whole or in part, and never anything that a browser runs."""

import base64
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated

from fastapi import Header
from fastapi.responses import StreamingResponse

from api.byte_ranges import ByteRange, asked_range
from api.ports import OpenArtifact
from schema.contracts.artifacts import ArtifactView

RangeHeader = Annotated[
    str | None, Header(alias="Range", description="One range, such as `bytes=0-99`.")
]
IfRangeHeader = Annotated[
    str | None, Header(alias="If-Range", description="The `ETag` of what is there already.")
]

# `nosniff` comes with every answer of the api.
_CAREFUL = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Referrer-Policy": "no-referrer",
    "Accept-Ranges": "bytes",
}


async def artifact_answer(
    artifact: OpenArtifact, asked: str | None, if_range: str | None
) -> StreamingResponse:
    """The content, or the range of it that is asked for, as a download.

    The first piece is read before the answer begins: what is gone can still be told by its status.

    Args:
        artifact: what is to be answered.
        asked: the request's `Range`.
        if_range: its `If-Range`.

    Raises:
        SpellError: ARTIFACT_EXPIRED, it was deleted a moment ago; RANGE_NOT_SATISFIABLE.
    """
    view = artifact.view
    part = asked_range(asked, if_range, _etag(view), view.bytes)
    content = artifact.read(part.start, part.end) if part else artifact.read(0, view.bytes)
    first = await anext(content)
    return StreamingResponse(
        _all(first, content),
        status_code=HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK,
        headers=_headers(view, part),
        media_type=view.content_type,
    )


def _headers(view: ArtifactView, part: ByteRange | None) -> dict[str, str]:
    digest = base64.b64encode(bytes.fromhex(_hex(view))).decode("ascii")
    headers = {
        **_CAREFUL,
        # Names of artifacts are plain: they need no quoting.
        "Content-Disposition": f'attachment; filename="{view.name.rpartition("/")[2]}"',
        "Content-Length": str(part.length if part else view.bytes),
        "ETag": _etag(view),
        # Of the whole content, also where a part of it is answered (RFC 9530).
        "Repr-Digest": f"sha-256=:{digest}:",
    }
    return {**headers, "Content-Range": part.content_range} if part else headers


def _etag(view: ArtifactView) -> str:
    return f'"{_hex(view)}"'


def _hex(view: ArtifactView) -> str:
    return view.digest.removeprefix("sha256:")


async def _all(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
