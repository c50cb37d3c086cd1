"""Publishing keeps what a run needs by digest: the module, and what it may read."""

from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.module_supply import ModuleSupply
from activities.publication_steps import PublicationSteps
from activities.publishing import PublishingActivities
from schema.blob_keys import module_key, package_key, resources_key
from schema.contracts.publish import InspectedPackage
from schema.ids import sha256_digest
from schema.package import build_package
from schema.packaging.resources import read_resources
from tests.support.e2e_packages import files_of
from tests.support.fakes import AnySchema, MemoryBlobs, MemoryPublications, ScriptedRunBus
from tests.support.platform import make_vault, verdict_for
from tests.support.publishing import ENGINE, AnyModule, a_publication

MODULE = b"\0asm\x01\0\0\0"
RESOURCES = {"resources/words.txt": b"words", "resources/data/a.bin": b"a"}

WORKFLOW_SECTION = """
[execution.workflow]
repo = "acme/spells"
workflow = "run.yml"
ref = "main"
dispatch = "workflow_dispatch"
timeout_ms = 60_000

"""


async def inspected(
    blobs: MemoryBlobs, resources: dict[str, bytes], **changes: Any
) -> InspectedPackage:
    archive = build_package(files_of("com.acme.reads", MODULE, **changes) | resources)
    return await inspected_archive(blobs, archive)


async def inspected_archive(blobs: MemoryBlobs, archive: bytes) -> InspectedPackage:
    digest = sha256_digest(archive)
    await blobs.put(package_key(digest), archive)
    bus, publications = ScriptedRunBus(verdict_for), MemoryPublications()
    activities = PublishingActivities(
        publications,
        publications,
        blobs,
        AnySchema(),
        AnyModule(),
        ModuleSupply(blobs, bus, make_vault(), ENGINE),
        PublicationSteps(publications, blobs, bus),
    )
    request = a_publication(package_digest=digest, package_bytes=len(archive))
    await activities.open(request)
    return await activities.module(request)


async def test_what_fs_read_opens_is_kept_under_its_digest() -> None:
    blobs = MemoryBlobs()
    package = await inspected(blobs, RESOURCES, policy={"fs_read": ["resources/data"]})
    assert package.policy.fs_read == ["resources/data"]
    assert package.policy.resources_digest is not None
    kept = blobs.content[resources_key(package.policy.resources_digest)]
    assert sha256_digest(kept) == package.policy.resources_digest
    assert read_resources(kept) == {"resources/data/a.bin": b"a"}
    assert blobs.content[module_key(package.module_digest or "")] == MODULE


async def test_resources_that_nothing_may_read_are_not_kept() -> None:
    blobs = MemoryBlobs()
    package = await inspected(blobs, RESOURCES)
    assert package.policy.resources_digest is None
    assert not [key for key in blobs.content if key.startswith("resources/")]


async def test_the_policy_of_the_manifest_is_the_policy_of_the_version() -> None:
    policy = {
        "net_allow": ["api.example.com"],
        "env_vars": ["TOKEN"],
        "fs_write": ["scratch"],
    }
    package = await inspected(MemoryBlobs(), {}, policy=policy, max_scratch_mb=3)
    assert package.policy.net_allow == ["api.example.com"]
    assert package.policy.env_vars == ["TOKEN"]
    assert package.policy.scratch
    assert not package.policy.deterministic
    assert package.limits is not None
    assert package.limits.scratch_bytes_max == 3 * 1024 * 1024


async def test_what_cannot_be_granted_is_a_manifest_error() -> None:
    """Modes that the installation is not set up for are read, and not granted."""
    manifest = files_of("com.acme.reads", MODULE)["manifest.toml"].decode()
    service, _, after = manifest.partition("[runtime]")
    workflow = service.replace('mode = "service"', 'mode = "workflow"') + WORKFLOW_SECTION
    pricing = after[after.index("[pricing]") :]
    archive = build_package(
        {"manifest.toml": (workflow + pricing).encode(), "schema.json": b'{"input":{},"output":{}}'}
    )
    with pytest.raises(ApplicationError) as caught:
        await inspected_archive(MemoryBlobs(), archive)
    assert caught.value.type == "MANIFEST_INVALID"
    assert caught.value.non_retryable
