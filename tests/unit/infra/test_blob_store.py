"""Object storage in a folder: whole or nothing, and never outside of the folder."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from obstore.exceptions import BaseError

from infra.blob_store import ObjectBlobStore

KEYS = ["plain", "casts/cast_a_b/output", "payloads/cast/x/" + "0" * 64, "with blank", "ü"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "objects"


@pytest.fixture
def blobs(folder: Path) -> ObjectBlobStore:
    return ObjectBlobStore(folder.as_uri())


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("content", [b"", b"content", bytes(range(256)) * 5000])
async def test_what_is_put_comes_back(blobs: ObjectBlobStore, key: str, content: bytes) -> None:
    await blobs.put(key, content)
    assert await blobs.get(key) == content


async def test_what_is_not_there_is_none_and_can_be_deleted(blobs: ObjectBlobStore) -> None:
    assert await blobs.get("nothing") is None
    await blobs.delete("nothing")


async def test_a_folder_is_no_content(blobs: ObjectBlobStore) -> None:
    await blobs.put("a/b", b"content")
    assert await blobs.get("a/c") is None


async def test_a_second_put_replaces_the_first(blobs: ObjectBlobStore) -> None:
    await blobs.put("key", b"a long first content")
    await blobs.put("key", b"second")
    assert await blobs.get("key") == b"second"


async def test_what_is_deleted_is_gone(blobs: ObjectBlobStore) -> None:
    await blobs.put("key", b"content")
    await blobs.delete("key")
    assert await blobs.get("key") is None


async def test_another_process_finds_what_this_one_stored(
    blobs: ObjectBlobStore, folder: Path
) -> None:
    await blobs.put("key", b"content")
    assert await ObjectBlobStore(folder.as_uri()).get("key") == b"content"


async def test_a_reader_sees_one_whole_content_or_the_other(blobs: ObjectBlobStore) -> None:
    contents = [bytes([number]) * 300_000 for number in range(4)]
    await blobs.put("key", contents[0])

    async def write() -> None:
        for content in contents * 5:
            await blobs.put("key", content)

    async def read() -> None:
        for _ in range(20):
            assert await blobs.get("key") in contents

    await asyncio.gather(write(), read(), read())


@pytest.mark.parametrize("key", ["../outside", "a/../../outside", "/etc/passwd", "a/./b"])
async def test_no_key_leads_out_of_the_folder(
    blobs: ObjectBlobStore, folder: Path, key: str
) -> None:
    before = {path for path in folder.parent.rglob("*") if not path.is_relative_to(folder)}
    # The library's own refusal, if it makes one.
    with suppress(ValueError, OSError, BaseError):
        await blobs.put(key, b"escaped")
    after = {path for path in folder.parent.rglob("*") if not path.is_relative_to(folder)}
    assert after == before
    assert not (folder.parent.parent / "outside").exists()
