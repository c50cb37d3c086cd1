"""A module is fetched and compiled once, however many casts want it at once."""

import asyncio
from pathlib import Path

import pytest

from runner.compiling.code_store import CodeStore
from runner.compiling.compiled_cache import CompiledCache
from runner.refusals import ModuleRefusedError
from runner.sandbox_process import SandboxProcess
from schema.errors import SpellError
from tests.modules.guests import digest_of, guest


async def test_many_casts_of_a_new_module_compile_it_once(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    fetched = []

    async def fetch(digest: str) -> bytes:
        fetched.append(digest)
        return guest("hello")

    store = CodeStore(CompiledCache(tmp_path, 10_000_000), fetch)
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

    store = CodeStore(CompiledCache(tmp_path, 10_000_000), fetch)
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

    store = CodeStore(CompiledCache(tmp_path, 10_000_000), fetch)
    with pytest.raises(SpellError):
        await store.compiled(sandbox.engine, digest_of("hello"))
    assert await store.compiled(sandbox.engine, digest_of("hello"))
