"""A module is fetched and compiled once, however many casts want it at once."""

import asyncio
import errno
import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from runner.compiling.cache_counters import CacheNumbers
from runner.compiling.code_store import CacheSizes, CodeStore
from runner.compiling.frozen_code import FrozenCode
from runner.compiling.signed_code import SignedCode
from runner.processes.guest_run import Finished, GuestRun
from runner.processes.sandbox_process import SandboxProcess, StaleCodeRefusedError
from runner.refusals import ModuleRefusedError
from runner.sandbox.engine import engine_name
from schema.errors import SpellError
from schema.limits import MIB
from tests.modules.code import (
    CODE_PUBLIC_KEY,
    SIZES,
    Bucket,
    code_store,
    compiled,
    for_another_processor,
    signed,
)
from tests.modules.guests import digest_of, guest
from tests.support.attendants import Bystander
from tests.unit.runner.conftest import LIMITS


async def test_many_casts_of_a_new_module_compile_it_once(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    fetched = []

    async def fetch(digest: str) -> bytes:
        fetched.append(digest)
        return guest("hello")

    store = code_store(tmp_path, fetch)
    digest = digest_of("hello")
    codes = await asyncio.gather(*(store.compiled(sandbox.engine, digest) for _ in range(10)))
    assert fetched == [digest]
    assert len(set(codes)) == 1


@pytest.mark.parametrize(
    "content", [b"", b"(module)", b"\0asm\x01\0\0\0\x05", b"\0asm\x0d\0\x01\0\x05"]
)
async def test_what_is_no_module_is_refused(tmp_path: Path, content: bytes) -> None:
    async def fetch(_digest: str) -> bytes:
        return content

    store = code_store(tmp_path, fetch)
    with pytest.raises(ModuleRefusedError):
        await store.compiled("engine", "sha256:x")


async def test_a_module_that_cannot_be_fetched_is_tried_again_next_time(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    answers: list[bytes | None] = [None, guest("hello")]

    async def fetch(_digest: str) -> bytes:
        answer = answers.pop(0)
        if answer is None:
            raise SpellError("SERVICE_UNAVAILABLE")
        return answer

    store = code_store(tmp_path, fetch)
    with pytest.raises(SpellError):
        await store.compiled(sandbox.engine, digest_of("hello"))
    assert await store.compiled(sandbox.engine, digest_of("hello"))


class Shelf:
    """A store, its bucket, and what its modules were asked for."""

    def __init__(self, folder: Path, sizes: CacheSizes = SIZES) -> None:
        self.fetched: list[str] = []
        self.bucket = Bucket()
        self.folder = folder
        self.sizes = sizes
        self.store = self.next_runner()

    def next_runner(self) -> CodeStore:
        signed_code = SignedCode(self.bucket.fetch_code, CODE_PUBLIC_KEY)
        self.store = CodeStore.open(self.folder, self.sizes, self._fetch, signed_code)
        return self.store

    def sign(self, name: str, content: bytes, **options: Any) -> None:
        digest = digest_of(name)
        self.bucket.code[engine_name(), digest] = signed(digest, content, **options)

    async def code(self, name: str) -> FrozenCode:
        return await self.store.compiled(engine_name(), digest_of(name))

    @property
    def numbers(self) -> CacheNumbers:
        return self.store.counters.numbers()

    async def _fetch(self, digest: str) -> bytes:
        self.fetched.append(digest)
        return next(guest(name) for name in ("hello", "echo") if digest_of(name) == digest)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


async def test_code_that_the_platform_signed_is_taken_and_nothing_is_compiled(
    shelf: Shelf, sandbox: SandboxProcess
) -> None:
    content = compiled(guest("hello"))
    shelf.sign("hello", content)
    code = await shelf.code("hello")
    assert code.content() == content
    assert shelf.fetched == [], "not even the module is needed"
    assert shelf.numbers == CacheNumbers(
        hits_fetched=1,
        fetched_bytes=len(content),
        memory_bytes=len(content),
        disk_bytes=len(content) + 32,
    )
    await sandbox.load(digest_of("hello"), code)
    end = await sandbox.run(GuestRun(digest_of("hello"), "_start", LIMITS), Bystander())
    assert isinstance(end, Finished)
    assert end.report.code is None


async def test_each_level_answers_before_the_next_is_asked(shelf: Shelf) -> None:
    shelf.sign("hello", compiled(guest("hello")))
    await shelf.code("hello")
    await shelf.code("hello")
    assert shelf.store.is_in_memory(engine_name(), digest_of("hello"))
    assert (shelf.numbers.hits_fetched, shelf.numbers.hits_memory) == (1, 1)
    shelf.next_runner()
    assert not shelf.store.is_in_memory(engine_name(), digest_of("hello"))
    await shelf.code("hello")
    assert (shelf.numbers.hits_disk, shelf.numbers.hits_fetched, shelf.numbers.misses) == (1, 0, 0)
    assert len(shelf.bucket.asked) == 1


async def test_without_code_for_its_engine_it_compiles_and_says_so(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    """As during a rolling upgrade: the platform has code, but of the engine before."""
    digest = digest_of("hello")
    shelf.bucket.code["wasmtime-1.0.0/000000000000", digest] = b"code of another release"
    code = await shelf.code("hello")
    assert shelf.fetched == [digest]
    assert (shelf.numbers.misses, shelf.numbers.compiled_bytes) == (1, code.size_bytes)
    assert f"compiled {digest} here" in caplog.text


@pytest.mark.parametrize(
    "forge",
    [
        lambda whole: whole[:-1],
        lambda whole: whole[:64],
        lambda _: b"",
        lambda whole: bytes(64) + whole[64:],
        lambda whole: whole[:64] + b"\x90" * 1000,
        lambda whole: signed(digest_of("hello"), whole[64:], key=SigningKey(b"x" * 32)),
        lambda _: signed(digest_of("echo"), compiled(guest("echo"))),
        lambda whole: signed(digest_of("hello"), whole[64:], "wasmtime-1.0.0/000000000000"),
    ],
    ids=["cut", "empty", "nothing", "unsigned", "forged", "key", "module", "engine"],
)
async def test_code_that_is_not_the_platforms_is_counted_and_compiled_here(
    shelf: Shelf, forge: Callable[[bytes], bytes]
) -> None:
    content = compiled(guest("hello"))
    place = engine_name(), digest_of("hello")
    shelf.bucket.code[place] = forge(signed(digest_of("hello"), content))
    assert (await shelf.code("hello")).content() == content
    assert (shelf.numbers.corrupt, shelf.numbers.hits_fetched, shelf.numbers.misses) == (1, 0, 1)


async def test_code_for_another_processor_is_replaced_by_code_made_here(
    shelf: Shelf, sandbox: SandboxProcess
) -> None:
    """Goal: a platform that compiles on other machines costs one compile, not one per cast.

    Method: real code, really signed, whose own description names another processor.
    """
    shelf.sign("hello", for_another_processor(compiled(guest("hello"))))
    stale = await shelf.code("hello")
    with pytest.raises(StaleCodeRefusedError):
        await sandbox.load(digest_of("hello"), stale)
    code = await shelf.store.compiled_anew(engine_name(), digest_of("hello"), stale)
    assert code.content() == compiled(guest("hello"))
    assert (shelf.numbers.stale, shelf.numbers.misses) == (1, 1)
    again = await shelf.store.compiled_anew(engine_name(), digest_of("hello"), stale)
    assert again is code, "another process found out as well"
    shelf.next_runner()
    assert (await shelf.code("hello")).content() == code.content()
    assert shelf.numbers.hits_disk == 1


async def test_a_disk_that_takes_nothing_costs_no_run(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(shelf.store._disk, "write", refuse)
    assert await shelf.code("hello")


async def test_loading_and_dropping_leaks_no_descriptor_on_either_side(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    """Goal: hundreds of modules through one process and a memory that is always full.

    Method: two modules that push each other out of memory and process; count on both sides.
    """
    shelf = Shelf(tmp_path, CacheSizes(disk_bytes_max=MIB, memory_bytes_max=1))
    counts = []
    for round_number in range(100):
        for name in ("hello", "echo"):
            await sandbox.load(digest_of(name), await shelf.code(name))
            await sandbox.drop(digest_of(name))
        if round_number in (1, 99):
            gc.collect()
            counts.append((descriptors(os.getpid()), descriptors(sandbox._process.pid)))
    assert counts[0] == counts[1]
    assert shelf.numbers.evicted_memory >= 199


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
