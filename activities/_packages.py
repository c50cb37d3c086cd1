"""An upload, read again by each step that needs what is in it."""

from activities.ports import BlobStore
from schema.blob_keys import package_key
from schema.contracts.publish import PublishInput
from schema.errors import SpellError
from schema.ids import sha256_digest
from schema.package import Package, read_package


async def uploaded_package(blobs: BlobStore, request: PublishInput) -> Package:
    """The package of an upload.

    Raises:
        SpellError: INTERNAL, it is gone; PACKAGE_INVALID, MANIFEST_INVALID.
    """
    archive = await blobs.get(package_key(request.package_digest))
    if archive is None or sha256_digest(archive) != request.package_digest:
        raise SpellError("INTERNAL", "The upload is gone from object storage; send it again.")
    return read_package(archive)
