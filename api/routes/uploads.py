"""Uploads that go on where they were interrupted, and end as publications."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse

from api.bodies import body_schema, read_body, read_json
from api.deps import Identity, MakerDep, Services, ServicesDep
from api.request_headers import required_key, seconds_to_wait, upload_offset
from api.routes.publications import answer_of
from schema import limits
from schema.contracts.publish import (
    PublicationView,
    PublishInput,
    PublishResult,
    UploadOrder,
    UploadView,
)
from schema.errors import SpellError
from schema.ids import publication_of_upload, sha256_digest, upload_id_for

router = APIRouter(prefix="/v1", tags=["uploads"])

CHUNK_MEDIA_TYPE = "application/offset+octet-stream"
_JSON_BYTES_MAX = limits.SIGNATURE_BYTES_MAX * 2
_CHUNK = {
    "requestBody": {
        "required": True,
        "content": {CHUNK_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post("/uploads", status_code=201, openapi_extra=body_schema(UploadOrder))
async def begin_upload(
    request: Request,
    response: Response,
    identity: MakerDep,
    services: ServicesDep,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> UploadView:
    """Begin an upload, or find the one that this Idempotency-Key began."""
    key = required_key(idempotency_key)
    order = await read_json(request, UploadOrder, limit_bytes=_JSON_BYTES_MAX)
    bundle = None
    if order.signature is not None:
        bundle = await services.publishing.keep_bundle(order.signature.encode("utf-8"))
    account_id = identity.caller.account_id
    upload_id = upload_id_for(account_id, identity.cast_secret, key)
    view = await services.uploads.begin(account_id, upload_id, order, bundle)
    response.headers["Location"] = f"/v1/uploads/{upload_id}"
    response.headers["Upload-Offset"] = str(view.offset)
    return view


@router.head("/uploads/{upload_id}", include_in_schema=False)
@router.get("/uploads/{upload_id}")
async def get_upload(
    upload_id: str, response: Response, identity: MakerDep, services: ServicesDep
) -> UploadView:
    """How far an upload is: go on at its offset."""
    view, _ = await _own_upload(services, identity, upload_id)
    response.headers["Upload-Offset"] = str(view.offset)
    return view


@router.patch(
    "/uploads/{upload_id}",
    response_model=UploadView,
    responses={
        201: {"model": PublishResult, "description": "The last chunk: it was published"},
        202: {"model": PublicationView, "description": "The last chunk: it is being published"},
    },
    openapi_extra=_CHUNK,
)
async def append_to_upload(
    upload_id: str,
    request: Request,
    identity: MakerDep,
    services: ServicesDep,
    upload_offset_header: Annotated[str | None, Header(alias="Upload-Offset")] = None,
    prefer: Annotated[str | None, Header()] = None,
) -> Response:
    """Send the next chunk. With the last one the package is published, as by `POST /v1/spells`.

    An empty chunk at the end asks for the verdict again, or for another try after a 503.
    """
    offset = upload_offset(upload_offset_header)
    _, bundle = await _own_upload(services, identity, upload_id)
    content = await read_body(
        request, limit_bytes=limits.UPLOAD_CHUNK_BYTES_MAX, media_type=CHUNK_MEDIA_TYPE
    )
    account_id = identity.caller.account_id
    view = await services.uploads.append(account_id, upload_id, offset, content)
    if view.publication_id is None:
        headers = {"Upload-Offset": str(view.offset)}
        return JSONResponse(view.model_dump(mode="json"), 200, headers)
    wait = seconds_to_wait(prefer)
    async with services.archive_slots.slot(account_id):
        await _publish(services, account_id, view, bundle)
    return await answer_of(services, identity, view.publication_id, wait)


@router.delete("/uploads/{upload_id}", status_code=204)
async def remove_upload(upload_id: str, identity: MakerDep, services: ServicesDep) -> None:
    """Give an upload up. What it has become stays."""
    await _own_upload(services, identity, upload_id)
    await services.uploads.remove(identity.caller.account_id, upload_id)


async def _own_upload(
    services: Services, identity: Identity, upload_id: str
) -> tuple[UploadView, str | None]:
    """The caller's upload. Raises SpellError(UPLOAD_NOT_FOUND), for foreign ones too."""
    if not (upload_id.isascii() and upload_id.isprintable()):
        raise SpellError("UPLOAD_NOT_FOUND")
    return await services.uploads.find(identity.caller.account_id, upload_id)


async def _publish(
    services: Services, account_id: str, view: UploadView, bundle_digest: str | None
) -> None:
    """Make a publication of what arrived, once; a repetition finds it made."""
    archive = await services.uploads.content(account_id, view.upload_id)
    if archive is None:
        return
    if await asyncio.to_thread(sha256_digest, archive) != view.package_digest:
        await services.uploads.remove(account_id, view.upload_id)
        raise SpellError("UPLOAD_DIGEST_MISMATCH", details={"said": view.package_digest})
    request = PublishInput(
        publication_id=publication_of_upload(view.upload_id),
        account_id=account_id,
        package_digest=view.package_digest,
        package_bytes=view.package_bytes,
        bundle_digest=bundle_digest,
    )
    await services.publishing.publish(request, archive)
    await services.uploads.release(view.upload_id)
