"""What a module may read of its package: kept by digest at publish, brought before a run."""

from collections.abc import Mapping

from activities.ports import BlobStore, RunBus
from schema.blob_keys import resources_key
from schema.contracts.run import RunPolicy
from schema.errors import SpellError
from schema.ids import sha256_digest
from schema.packaging.resources import granted
from schema.packaging.tar_writing import write_tar


async def keep_resources(
    blobs: BlobStore, policy: RunPolicy, files: Mapping[str, bytes]
) -> RunPolicy:
    """The policy with the digest of what `fs_read` opens, once that is in object storage."""
    if not policy.fs_read:
        return policy
    archive = write_tar(granted(files, policy.fs_read))
    digest = sha256_digest(archive)
    await blobs.put(resources_key(digest), archive)
    return policy.model_copy(update={"resources_digest": digest})


async def bring_resources(blobs: BlobStore, bus: RunBus, policy: RunPolicy) -> None:
    """Make sure that runners can fetch the resources of a run, if it has any.

    Raises:
        SpellError: SERVICE_UNAVAILABLE, the bus is away; INTERNAL, they are gone.
    """
    digest = policy.resources_digest
    if digest is None:
        return
    key = resources_key(digest)

    async def load() -> bytes:
        archive = await blobs.get(key)
        if archive is None:
            raise SpellError("INTERNAL", "The resources are gone from object storage.")
        return archive

    await bus.ensure_object(digest, load)
