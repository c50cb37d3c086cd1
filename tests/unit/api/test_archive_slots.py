"""Goal: archives in memory are bounded, and no account takes all the room."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from api.archive_slots import ArchiveSlots
from schema.errors import SpellError


def some_slots(*, archives_max: int = 3, per_account_max: int = 2) -> ArchiveSlots:
    return ArchiveSlots(
        archives_max=archives_max, per_account_max=per_account_max, patience_seconds=0.05
    )


async def refused(slots: ArchiveSlots, account: str) -> bool:
    try:
        async with slots.slot(account):
            return False
    except SpellError as error:
        return (error.code, error.retry_after) == ("SERVICE_UNAVAILABLE", 5)


async def test_one_account_leaves_room_for_others() -> None:
    slots = some_slots()
    async with slots.slot("a"), slots.slot("a"):
        assert await refused(slots, "a")
        assert not await refused(slots, "b")
    assert not await refused(slots, "a")


async def test_a_process_takes_no_more_than_it_can_hold() -> None:
    slots = some_slots()
    async with AsyncExitStack() as held:
        for account in "abc":
            await held.enter_async_context(slots.slot(account))
        assert await refused(slots, "d")
    assert not await refused(slots, "d")


async def test_a_slot_is_given_back_whatever_happens_in_it() -> None:
    slots = some_slots(archives_max=1, per_account_max=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with slots.slot("a"):
                raise ZeroDivisionError
    assert not await refused(slots, "a")


async def test_a_burst_is_taken_one_after_the_other() -> None:
    slots = ArchiveSlots(archives_max=1, per_account_max=1, patience_seconds=60)
    inside = most = 0

    async def take() -> None:
        nonlocal inside, most
        async with slots.slot("a"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(take() for _ in range(20)))
    assert most == 1


async def test_a_request_that_is_cancelled_keeps_no_slot() -> None:
    slots = some_slots(archives_max=1, per_account_max=1)
    entered = asyncio.Event()

    async def hold() -> None:
        async with slots.slot("a"):
            entered.set()
            await asyncio.Event().wait()

    holding = asyncio.create_task(hold())
    await entered.wait()
    holding.cancel()
    await asyncio.wait({holding})
    assert not await refused(slots, "a")
