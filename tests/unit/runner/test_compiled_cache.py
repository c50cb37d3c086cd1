"""Nothing is read back that the cache did not write itself, unchanged, for that very module."""

import errno
import os
from pathlib import Path

import pytest

from runner.compiling.cache_counters import CacheCounters
from runner.compiling.compiled_cache import CompiledCache
from runner.processes.guest_run import Finished, GuestRun
from runner.processes.sandbox_process import SandboxProcess
from tests.modules.code import code_store
from tests.modules.guests import digest_of, guest
from tests.support.attendants import Bystander
from tests.unit.runner.conftest import LIMITS

ENGINE = "wasmtime-1/abc"
CODE = b"machine code" * 100


@pytest.fixture
def counters() -> CacheCounters:
    return CacheCounters()


@pytest.fixture
def cache(tmp_path: Path, counters: CacheCounters) -> CompiledCache:
    return CompiledCache(tmp_path, 10_000, counters)


def entries(folder: Path) -> list[Path]:
    return list((folder / "compiled").iterdir())


def test_what_is_written_is_read_again_by_this_and_the_next_runner(
    cache: CompiledCache, tmp_path: Path
) -> None:
    cache.write(ENGINE, "sha256:a", CODE)
    assert cache.read(ENGINE, "sha256:a") == CODE
    assert CompiledCache(tmp_path, 10_000, CacheCounters()).read(ENGINE, "sha256:a") == CODE


def test_another_engine_or_module_finds_nothing(cache: CompiledCache) -> None:
    cache.write(ENGINE, "sha256:a", CODE)
    assert cache.read("wasmtime-2/abc", "sha256:a") is None
    assert cache.read(ENGINE, "sha256:b") is None


def test_a_bit_flipped_anywhere_is_noticed_and_the_entry_removed(
    cache: CompiledCache, counters: CacheCounters, tmp_path: Path
) -> None:
    """Every bit of the MAC, and one in each byte of the code, in turn."""
    cache.write(ENGINE, "sha256:a", CODE)
    (entry,) = entries(tmp_path)
    written = entry.read_bytes()
    flips = [(at, bit) for at in range(32) for bit in range(8)]
    flips += [(at, at % 8) for at in range(32, len(written))]
    for at, bit in flips:
        flipped = bytearray(written)
        flipped[at] ^= 1 << bit
        entry.write_bytes(flipped)
        assert cache.read(ENGINE, "sha256:a") is None
        assert entries(tmp_path) == []
    assert counters.numbers().corrupt == len(flips)


def test_an_entry_cut_or_grown_anywhere_is_not_read(cache: CompiledCache, tmp_path: Path) -> None:
    """What a torn write or a power loss leaves, at every length."""
    cache.write(ENGINE, "sha256:a", CODE)
    (entry,) = entries(tmp_path)
    written = entry.read_bytes()
    for torn in (written[:length] for length in range(len(written))):
        entry.write_bytes(torn)
        assert cache.read(ENGINE, "sha256:a") is None
    for torn in (written + b"\0", written + written, written[:-100] + bytes(100)):
        entry.write_bytes(torn)
        assert cache.read(ENGINE, "sha256:a") is None


def test_an_entry_larger_than_any_code_is_not_even_read(
    cache: CompiledCache, tmp_path: Path
) -> None:
    cache.write(ENGINE, "sha256:a", CODE)
    (entry,) = entries(tmp_path)
    os.truncate(entry, 1 << 40)  # sparse: reading it would take all memory
    assert cache.read(ENGINE, "sha256:a") is None
    assert entries(tmp_path) == []


def test_a_folder_in_place_of_an_entry_is_no_entry(cache: CompiledCache, tmp_path: Path) -> None:
    cache.write(ENGINE, "sha256:a", CODE)
    (entry,) = entries(tmp_path)
    entry.unlink()
    entry.mkdir()
    assert cache.read(ENGINE, "sha256:a") is None


def test_a_write_that_fails_leaves_what_was_there_and_no_file(
    cache: CompiledCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write(ENGINE, "sha256:a", CODE)

    def refuse(_self: Path, _target: Path) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="no space"):
        cache.write(ENGINE, "sha256:a", b"newer code")
    assert cache.read(ENGINE, "sha256:a") == CODE
    assert len(entries(tmp_path)) == 1


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
    assert CompiledCache(tmp_path, 10_000, CacheCounters()).read(ENGINE, "sha256:a") is None


def test_the_key_is_for_the_owner_alone(cache: CompiledCache, tmp_path: Path) -> None:
    assert (tmp_path / "compiled.key").stat().st_mode & 0o777 == 0o600


def test_the_longest_unused_entries_go_when_the_cache_is_full(
    cache: CompiledCache, counters: CacheCounters, tmp_path: Path
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
    numbers = counters.numbers()
    assert numbers.evicted_disk == 1
    assert numbers.disk_bytes == 3 * (3000 + 32)


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
    store = code_store(tmp_path, fetch)
    await store.compiled(sandbox.engine, digest)
    entries(tmp_path)[0].write_bytes(b"\x90" * 10_000)
    store = code_store(tmp_path, fetch)  # the next runner's
    code = await store.compiled(sandbox.engine, digest)
    assert fetched == [digest, digest]
    assert store.counters.numbers().corrupt == 1
    await sandbox.load(digest, code)
    end = await sandbox.run(GuestRun(digest, "_start", LIMITS), Bystander())
    assert isinstance(end, Finished)
    assert end.report.code is None
