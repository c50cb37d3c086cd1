"""The bytes of artifacts at signed addresses, as Azure's blob store takes and gives them.

One PUT for a small blob; blocks, then the list of them, for a large one.
"""

from xml.etree import ElementTree as ET

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool

from infra.embedded.github.actions.artifacts import ARTIFACT_BYTES_MAX, Artifacts

_BLOB = "/_local/blobs/{artifact_id}"
_BLOCK_LIST_BYTES_MAX = 4 * 1024 * 1024


def routes(artifacts: Artifacts) -> APIRouter:
    """The addresses of blobs."""
    router = APIRouter(include_in_schema=False)

    @router.put(_BLOB)
    async def put(
        artifact_id: int, request: Request, comp: str = "", blockid: str = ""
    ) -> Response:
        if not artifacts.allows(artifact_id, "put", dict(request.query_params)):
            return Response(status_code=403)
        if comp == "blocklist":
            return await _join(artifacts, artifact_id, request)
        target = artifacts.block(artifact_id, blockid) if comp else artifacts.blob(artifact_id)
        content = await _limited(request, ARTIFACT_BYTES_MAX)
        if target is None or content is None:
            return Response(status_code=400 if target is None else 413)
        await run_in_threadpool(target.write_bytes, content)
        return _stored()

    @router.get(_BLOB)
    def get(artifact_id: int, request: Request) -> Response:
        if "authorization" in request.headers:
            # Azure's answer to a client that sends its GitHub token along.
            return Response("AuthenticationFailed", status_code=400)
        artifact = artifacts.get(artifact_id)
        if artifact is None or not artifacts.allows(artifact_id, "get", dict(request.query_params)):
            return Response(status_code=403)
        name = f"{artifact['name']}.zip"
        return FileResponse(
            artifacts.blob(artifact_id), filename=name, media_type="application/zip"
        )

    return router


async def _join(artifacts: Artifacts, artifact_id: int, request: Request) -> Response:
    block_ids = _block_ids(await _limited(request, _BLOCK_LIST_BYTES_MAX))
    joined = await run_in_threadpool(artifacts.join, artifact_id, block_ids)
    return _stored() if joined else Response(status_code=400)


def _stored() -> Response:
    return Response(status_code=201, headers={"etag": '"0x1"', "x-ms-version": "2024-11-04"})


async def _limited(request: Request, bytes_max: int) -> bytes | None:
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > bytes_max:
            return None
    return bytes(content)


def _block_ids(document: bytes | None) -> list[str]:
    if document is None or b"<!" in document:
        return ["?"]
    try:
        return [block.text or "?" for block in ET.fromstring(document)]  # noqa: S314  (no DTD)
    except ET.ParseError:
        return ["?"]
