"""Artifacts over HTTP: streamed, and never anything that a browser runs or shows as ours."""

import base64
from collections.abc import AsyncIterator

from fastapi.responses import StreamingResponse

from schema.contracts.artifacts import ArtifactView

# `nosniff` comes with every answer of the api.
_CAREFUL = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Referrer-Policy": "no-referrer",
}


async def artifact_answer(view: ArtifactView, content: AsyncIterator[bytes]) -> StreamingResponse:
    """The content as a download.

    The first piece is read before the answer begins: what is gone can still be told by its status.

    Raises:
        SpellError: ARTIFACT_EXPIRED, it was deleted a moment ago.
    """
    first = await anext(content)
    digest = base64.b64encode(bytes.fromhex(view.digest.removeprefix("sha256:"))).decode("ascii")
    headers = {
        **_CAREFUL,
        # Names of artifacts are plain: they need no quoting.
        "Content-Disposition": f'attachment; filename="{view.name.rpartition("/")[2]}"',
        "Content-Length": str(view.bytes),
        "Repr-Digest": f"sha-256=:{digest}:",
    }
    return StreamingResponse(_all(first, content), headers=headers, media_type=view.content_type)


async def _all(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
