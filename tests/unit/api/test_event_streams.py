"""Goal: what many streams share is shared rightly. Method: no server, only the loop."""

import asyncio

import pytest

from api.shared_reads import SharedReads
from api.stream_slots import StreamSlots
from schema.errors import SpellError


async def test_reads_that_wait_are_joined_and_one_that_has_begun_is_not() -> None:
    reads, begun, go_on = SharedReads(at_once=1), 0, asyncio.Event()

    async def read() -> int:
        nonlocal begun
        begun += 1
        mine = begun
        await go_on.wait()
        return mine

    first = asyncio.create_task(reads.read("a", read))
    while begun == 0:  # noqa: ASYNC110 - one turn of the loop
        await asyncio.sleep(0)
    later = [asyncio.create_task(reads.read("a", read)) for _ in range(5)]
    await asyncio.sleep(0)
    go_on.set()
    assert await first == 1
    assert [await one for one in later] == [2] * 5


async def test_one_who_leaves_does_not_take_the_read_from_the_others() -> None:
    reads, go_on = SharedReads(at_once=1), asyncio.Event()

    async def read() -> str:
        await go_on.wait()
        return "read"

    leaver, stayer = (asyncio.create_task(reads.read("a", read)) for _ in range(2))
    await asyncio.sleep(0)
    leaver.cancel()
    go_on.set()
    assert await stayer == "read"
    assert leaver.cancelled()


def test_slots_are_bounded_by_account_and_for_all_and_given_back() -> None:
    slots = StreamSlots(streams_max=3, per_account_max=2)
    with slots.slot("a"), slots.slot("a"):
        with pytest.raises(SpellError) as of_one, slots.slot("a"):
            pass
        with slots.slot("b"), pytest.raises(SpellError) as of_all, slots.slot("c"):
            pass
        assert slots.held == 2
    assert of_one.value.code == "TOO_MANY_STREAMS"
    assert of_all.value.code == "SERVICE_UNAVAILABLE"
    assert slots.held == 0
