"""Goal: artifacts are kept whole, for their account only, and under names that harm nobody."""

from pathlib import Path

import pytest

from infra.artifact_store import EncryptedArtifactStore
from infra.artifact_types import UNKNOWN_TYPE, content_type_of
from infra.blob_store import ObjectBlobStore
from schema import limits
from schema.contracts.artifacts import KeptArtifact, check_bounds
from schema.errors import SpellError
from schema.ids import account_of_cast, new_account_id, sha256_digest
from tests.support.platform import make_vault

MIB = limits.MIB
CAST = f"cast_{'a' * 16}_{'b' * 26}"
CONTENT = b"page one, page two " * 1000


@pytest.fixture
def store(tmp_path: Path) -> EncryptedArtifactStore:
    return EncryptedArtifactStore(ObjectBlobStore(f"file://{tmp_path}"), make_vault())


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_what_was_kept_comes_back_and_lies_encrypted(
    store: EncryptedArtifactStore, tmp_path: Path
) -> None:
    kept = await store.keep(CAST, "build/report.pdf", CONTENT)
    assert (kept.content_type, kept.bytes) == ("application/pdf", len(CONTENT))
    assert kept.digest == sha256_digest(CONTENT)
    assert await whole(store, kept) == CONTENT
    (file,) = files_in(tmp_path)
    assert b"page one" not in file.read_bytes()
    assert "report" not in str(file.relative_to(tmp_path))


async def whole(
    store: EncryptedArtifactStore, kept: KeptArtifact, account_id: str = account_of_cast(CAST)
) -> bytes:
    return b"".join([piece async for piece in store.read(account_id, kept)])


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 17])
async def test_any_size_comes_back_in_pieces_of_a_mebibyte(
    store: EncryptedArtifactStore, size: int
) -> None:
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    kept = await store.keep(CAST, "large.bin", content)
    pieces = [piece async for piece in store.read(account_of_cast(CAST), kept)]
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) <= MIB


async def test_pieces_of_another_artifact_or_in_another_order_are_not_read(
    store: EncryptedArtifactStore, tmp_path: Path
) -> None:
    kept = await store.keep(CAST, "a.bin", b"a" * MIB + b"b" * MIB)
    (file,) = files_in(tmp_path)
    sealed = file.read_bytes()
    file.write_bytes(sealed[len(sealed) // 2 :] + sealed[: len(sealed) // 2])
    with pytest.raises(ValueError, match="not in its place"):
        await whole(store, kept)
    other = await store.keep(CAST, "b.bin", b"c")
    with pytest.raises(ValueError, match="not in its place"):
        await whole(store, other.model_copy(update={"blob_key": kept.blob_key, "bytes": MIB}))


@pytest.mark.parametrize(
    ("start", "end", "pieces"),
    [
        (0, 1, [0]),
        (MIB - 1, MIB, [0]),
        (MIB, MIB + 1, [1]),
        (MIB - 1, MIB + 1, [0, 1]),
        (10, 2 * MIB + 5, [0, 1, 2]),
        (2 * MIB, 2 * MIB + 7, [2]),
    ],
)
async def test_a_range_is_read_from_the_pieces_that_hold_it(
    tmp_path: Path, start: int, end: int, pieces: list[int]
) -> None:
    fetched: list[int] = []

    class Counting(ObjectBlobStore):
        async def get_range(self, key: str, start: int, length: int) -> bytes | None:
            fetched.append(start // length)
            return await super().get_range(key, start, length)

    content = bytes(number % 251 for number in range(2 * MIB + 7))
    store = EncryptedArtifactStore(Counting(f"file://{tmp_path}"), make_vault())
    kept = await store.keep(CAST, "a.bin", content)
    read = [piece async for piece in store.read(account_of_cast(CAST), kept, start, end)]
    assert b"".join(read) == content[start:end]
    assert fetched == pieces


async def test_what_is_gone_from_storage_is_expired(
    store: EncryptedArtifactStore, tmp_path: Path
) -> None:
    kept = await store.keep(CAST, "a.txt", b"")
    (file,) = files_in(tmp_path)
    file.unlink()
    with pytest.raises(SpellError) as refused:
        await whole(store, kept)
    assert refused.value.code == "ARTIFACT_EXPIRED"


async def test_another_accounts_key_opens_nothing(store: EncryptedArtifactStore) -> None:
    kept = await store.keep(CAST, "a.txt", CONTENT)
    with pytest.raises(ValueError, match="does not decrypt"):
        await whole(store, kept, new_account_id())


async def test_a_file_and_one_below_a_folder_of_its_name_are_both_kept(
    store: EncryptedArtifactStore,
) -> None:
    kept = [await store.keep(CAST, name, name.encode()) for name in ("a", "a/b", "a")]
    assert kept[0] == kept[2]
    read = [await whole(store, each) for each in kept[:2]]
    assert read == [b"a", b"a/b"]


@pytest.mark.parametrize(
    "name",
    [
        *("", "/etc/passwd", "../a", "a/../b", "a//b", ".hidden", "a\n", "a b", "é", "a\\b"),
        *("a" * 201, "output.json"),
    ],
)
async def test_a_name_that_is_none_is_refused_and_nothing_is_kept(
    store: EncryptedArtifactStore, tmp_path: Path, name: str
) -> None:
    with pytest.raises(SpellError) as refused:
        await store.keep(CAST, name, CONTENT)
    assert refused.value.code == "OUTPUT_INVALID"
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    "sizes",
    [
        [limits.ARTIFACT_BYTES_MAX + 1],
        [0] * (limits.ARTIFACTS_PER_CAST_MAX + 1),
        [limits.ARTIFACT_BYTES_MAX] * 4 + [1],
    ],
)
def test_more_than_is_kept_of_a_cast_is_too_large(sizes: list[int]) -> None:
    with pytest.raises(SpellError) as refused:
        check_bounds(sizes)
    assert refused.value.code == "OUTPUT_TOO_LARGE"


def test_what_fits_is_let_through() -> None:
    check_bounds([])
    check_bounds([limits.ARTIFACT_BYTES_MAX] * 4)
    check_bounds([1] * limits.ARTIFACTS_PER_CAST_MAX)


@pytest.mark.parametrize(
    ("name", "guessed"),
    [
        ("a.PDF", "application/pdf"),
        ("page.html", UNKNOWN_TYPE),
        ("image.svg", UNKNOWN_TYPE),
        ("png", UNKNOWN_TYPE),
        ("a.pdf/b", UNKNOWN_TYPE),
    ],
)
def test_types_come_from_names_and_none_of_them_carries_scripts(name: str, guessed: str) -> None:
    assert content_type_of(name) == guessed
