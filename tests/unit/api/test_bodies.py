"""Goal: a body that does not keep coming costs a moment and no more."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.requests import ClientDisconnect

from api.bodies import timely
from schema.errors import SpellError


async def stuck_after(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    await asyncio.Event().wait()


async def dripping() -> AsyncIterator[bytes]:
    while True:
        await asyncio.sleep(0.001)
        yield b"x"


async def broken() -> AsyncIterator[bytes]:
    yield b"x"
    raise ClientDisconnect


async def taken(stream: AsyncIterator[bytes], got: list[bytes], **times: float) -> None:
    async for chunk in timely(stream, **times):
        got.append(chunk)  # noqa: PERF401  (what came before the end counts)


async def test_a_body_of_which_nothing_more_comes_is_given_up() -> None:
    got: list[bytes] = []
    with pytest.raises(SpellError, match="BODY_TOO_SLOW"):
        await taken(stuck_after(b"a", b"b"), got, idle_seconds=0.05)
    assert got == [b"a", b"b"]


async def test_a_body_that_drips_is_given_up_as_well() -> None:
    got: list[bytes] = []
    with pytest.raises(SpellError, match="BODY_TOO_SLOW"):
        await taken(dripping(), got, idle_seconds=10, all_seconds=0.05)
    assert got


async def test_a_body_that_breaks_off_is_refused() -> None:
    with pytest.raises(SpellError, match="ended before its end"):
        await taken(broken(), [])
