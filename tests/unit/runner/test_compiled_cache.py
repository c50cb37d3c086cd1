"""Nothing is read back that the cache did not write itself, unchanged, for that very module."""

import os
from pathlib import Path

import pytest

from runner.compiling.code_store import CodeStore
from runner.compiling.compiled_cache import CompiledCache
from runner.sandbox_process import Finished, GuestRun, SandboxProcess
from tests.modules.guests import digest_of, guest
from tests.support.attendants import Bystander
from tests.unit.runner.conftest import LIMITS

ENGINE = "wasmtime-1/abc"
CODE = b"machine code" * 100


@pytest.fixture
def cache(tmp_path: Path) -> CompiledCache:
    return CompiledCache(tmp_path, bytes_max=10_000)


def entries(folder: Path) -> list[Path]:
    return list((folder / "compiled").iterdir())


def test_what_is_written_is_read_again_by_this_and_the_next_runner(
    cache: CompiledCache, tmp_path: Path
) -> None:
    cache.write(ENGINE, "sha256:a", CODE)
    assert cache.read(ENGINE, "sha256:a") == CODE
    assert CompiledCache(tmp_path, 10_000).read(ENGINE, "sha256:a") == CODE


def test_another_engine_or_module_finds_nothing(cache: CompiledCache) -> None:
    cache.write(ENGINE, "sha256:a", CODE)
    assert cache.read("wasmtime-2/abc", "sha256:a") is None
    assert cache.read(ENGINE, "sha256:b") is None


@pytest.mark.parametrize("at", [0, 31, 32, 500, -1])
def test_a_changed_entry_is_not_read_and_removed(
    cache: CompiledCache, tmp_path: Path, at: int
) -> None:
    cache.write(ENGINE, "sha256:a", CODE)
    (entry,) = entries(tmp_path)
    content = bytearray(entry.read_bytes())
    content[at] ^= 1
    entry.write_bytes(content)
    assert cache.read(ENGINE, "sha256:a") is None
    assert entries(tmp_path) == []


@pytest.mark.parametrize("length", [0, 10, 32, 100])
def test_a_truncated_entry_is_not_read(cache: CompiledCache, tmp_path: Path, length: int) -> None:
    cache.write(ENGINE, "sha256:a", CODE)
    os.truncate(entries(tmp_path)[0], length)
    assert cache.read(ENGINE, "sha256:a") is None


def test_an_entry_under_another_modules_name_is_not_read(
    cache: CompiledCache, tmp_path: Path
) -> None:
    cache.write(ENGINE, "sha256:a", CODE)
    (a,) = entries(tmp_path)
    cache.write(ENGINE, "sha256:b", b"other code")
    (b,) = set(entries(tmp_path)) - {a}
    a.replace(b)
    assert cache.read(ENGINE, "sha256:b") is None


def test_an_entry_of_a_cache_with_another_key_is_not_read(
    cache: CompiledCache, tmp_path: Path
) -> None:
    cache.write(ENGINE, "sha256:a", CODE)
    (tmp_path / "compiled.key").unlink()
    assert CompiledCache(tmp_path, 10_000).read(ENGINE, "sha256:a") is None


def test_the_key_is_for_the_owner_alone(cache: CompiledCache, tmp_path: Path) -> None:
    assert (tmp_path / "compiled.key").stat().st_mode & 0o777 == 0o600


def test_the_longest_unused_entries_go_when_the_cache_is_full(
    cache: CompiledCache, tmp_path: Path
) -> None:
    for number, name in enumerate("abc"):
        cache.write(ENGINE, name, bytes(3000))
        for entry in entries(tmp_path):
            os.utime(entry, (number, number))
    assert cache.read(ENGINE, "a") is not None  # used again: now the newest
    cache.write(ENGINE, "d", bytes(3000))
    kept = [name for name in "abcd" if cache.read(ENGINE, name) is not None]
    assert "a" in kept
    assert "d" in kept
    assert len(kept) == 3


def test_an_entry_larger_than_the_cache_still_serves_until_the_next_one(
    cache: CompiledCache,
) -> None:
    cache.write(ENGINE, "large", bytes(20_000))
    assert cache.read(ENGINE, "large") is not None
    cache.write(ENGINE, "small", b"x")
    assert cache.read(ENGINE, "large") is None


async def test_a_forged_entry_is_compiled_anew_and_never_run(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    fetched = []

    async def fetch(digest: str) -> bytes:
        fetched.append(digest)
        return guest("hello")

    digest = digest_of("hello")
    store = CodeStore(CompiledCache(tmp_path, 10_000_000), fetch)
    await store.compiled(sandbox.engine, digest)
    entries(tmp_path)[0].write_bytes(b"\x90" * 10_000)
    code = await store.compiled(sandbox.engine, digest)
    assert fetched == [digest, digest]
    await sandbox.load(digest, code)
    end = await sandbox.run(GuestRun(digest, "_start", LIMITS), Bystander())
    assert isinstance(end, Finished)
    assert end.report.code is None
