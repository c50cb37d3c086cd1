"""The contract of `BlobStore`, on a local folder and on an S3-compatible server."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.artifact_store import EncryptedArtifactStore
from infra.blob_store import ObjectBlobStore
from schema.ids import account_of_cast
from tests.support.object_store import ObjectServer, object_server
from tests.support.platform import make_vault

LARGE = bytes(range(256)) * 4096 * 12
CAST = f"cast_{'a' * 16}_{'b' * 26}"


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[ObjectServer]:
    async with object_server() as started:
        yield started


@pytest.fixture(params=["folder", "s3"])
def blobs(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ObjectBlobStore:
    if request.param == "folder":
        return ObjectBlobStore(tmp_path.as_uri())
    found: ObjectServer = request.getfixturevalue("server")
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return ObjectBlobStore(f"{found.url}/{tmp_path.name}")


@pytest.mark.parametrize("key", ["plain", "casts/a_b/output", "with blank", "ü"])
@pytest.mark.parametrize("content", [b"", b"content"])
async def test_what_is_put_comes_back(blobs: ObjectBlobStore, key: str, content: bytes) -> None:
    await blobs.put(key, content)
    assert await blobs.get(key) == content


async def test_large_content_comes_back_whole_and_in_parts(blobs: ObjectBlobStore) -> None:
    await blobs.put("large", LARGE)
    assert await blobs.get("large") == LARGE
    assert await blobs.get_range("large", 1_000_000, 700) == LARGE[1_000_000:1_000_700]
    assert await blobs.get_range("large", len(LARGE) - 5, 700) == LARGE[-5:]


async def test_a_second_put_replaces_the_first(blobs: ObjectBlobStore) -> None:
    await blobs.put("key", b"a long first content")
    await blobs.put("key", b"second")
    assert await blobs.get("key") == b"second"


async def test_what_is_not_there_is_none_and_can_be_deleted(blobs: ObjectBlobStore) -> None:
    assert await blobs.get("nothing") is None
    assert await blobs.get_range("nothing", 0, 5) is None
    await blobs.delete("nothing")


async def test_what_is_deleted_is_gone_and_its_neighbours_stay(blobs: ObjectBlobStore) -> None:
    for key in ("casts/a", "casts/ab", "casts/b/c"):
        await blobs.put(key, b"content")
    await blobs.delete("casts/a")
    assert await blobs.get("casts/a") is None
    assert await blobs.get("casts/ab") == await blobs.get("casts/b/c") == b"content"


async def test_a_folder_lists_what_is_in_it_at_any_depth_and_nothing_beside_it(
    blobs: ObjectBlobStore,
) -> None:
    for key in ("casts/one/a", "casts/one/b/c", "casts/one-more/d", "casts/on", "casts/onerous"):
        await blobs.put(key, b"x")
    assert sorted(await blobs.keys_below("casts/one/")) == ["casts/one/a", "casts/one/b/c"]
    assert await blobs.keys_below("casts/none/") == []


async def test_a_reader_sees_one_whole_content_or_the_other(blobs: ObjectBlobStore) -> None:
    contents = [bytes([number]) * 300_000 for number in range(4)]
    await blobs.put("key", contents[0])

    async def read() -> None:
        for _ in range(5):
            assert await blobs.get("key") in contents

    await asyncio.gather(*(blobs.put("key", content) for content in contents), read())


async def test_artifacts_are_kept_and_read_piece_by_piece(blobs: ObjectBlobStore) -> None:
    store = EncryptedArtifactStore(blobs, make_vault())
    kept = await store.keep(CAST, "large.bin", LARGE)
    pieces = [piece async for piece in store.read(account_of_cast(CAST), kept)]
    assert b"".join(pieces) == LARGE
    assert len(pieces) == 12
