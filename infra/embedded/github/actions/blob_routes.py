"""The bytes of artifacts at signed addresses, as Azure's blob store takes and gives them.

One PUT for a small blob; blocks, then the list of them, for a large one.
"""

from pathlib import Path
from xml.etree import ElementTree as ET

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool

from infra.embedded.github.actions.artifacts import Artifacts

_BLOB = "/_local/blobs/{artifact_id}"
_BLOCK_LIST_BYTES_MAX = 4 * 1024 * 1024


def routes(artifacts: Artifacts) -> APIRouter:
    """The addresses of blobs."""
    router = APIRouter(include_in_schema=False)

    @router.put(_BLOB)
    async def put(
        artifact_id: int, request: Request, comp: str = "", blockid: str = ""
    ) -> Response:
        is_allowed = artifacts.allows(artifact_id, "put", dict(request.query_params))
        if not is_allowed or not artifacts.is_open(artifact_id):
            return Response(status_code=403)
        if comp == "blocklist":
            return await _join(artifacts, artifact_id, request)
        target = artifacts.block(artifact_id, blockid) if comp else artifacts.blob(artifact_id)
        if target is None:
            return Response(status_code=400)
        room = await run_in_threadpool(artifacts.room, artifact_id, target)
        is_written = await _written(request, target, room)
        return _stored() if is_written else Response(status_code=413)

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


async def _written(request: Request, target: Path, bytes_max: int) -> bool:
    """Put what is sent into a file; False, and no file, when it is more than there is room for."""
    size = 0
    with target.open("wb") as file:
        async for piece in request.stream():
            size += len(piece)
            if size > bytes_max:
                break
            await run_in_threadpool(file.write, piece)
    if size > bytes_max:
        await run_in_threadpool(target.unlink, missing_ok=True)
    return size <= bytes_max


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
