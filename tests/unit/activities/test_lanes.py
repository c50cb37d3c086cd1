"""Runs of one lane enter in their order, and one lane does not hold up another."""

import asyncio

import pytest

from activities.lanes import Lanes
from schema.contracts.run import RunRequest
from schema.errors import SpellError
from tests.modules.fleet import request_for


class Queue:
    """Takes `room` runs of each module."""

    def __init__(self) -> None:
        self.room: dict[str, int] = {}
        self.taken: list[str] = []
        self.asked: list[str] = []

    async def publish(self, request: RunRequest) -> bool:
        self.asked.append(request.cast_id)
        if self.room.get(request.module_digest, 0) == 0:
            return False
        self.room[request.module_digest] -= 1
        self.taken.append(request.cast_id)
        return True


async def enter(lanes: Lanes, request: RunRequest) -> None:
    await lanes.enter(request.cast_id, request.module_digest, lambda: request)


async def test_runs_of_a_lane_enter_in_the_order_in_which_they_came() -> None:
    queue = Queue()
    lanes, requests = Lanes(queue.publish), [request_for("hello") for _ in range(5)]
    waiting = [asyncio.create_task(enter(lanes, request)) for request in requests]
    await asyncio.sleep(0)
    queue.room[requests[0].module_digest] = len(requests)
    await asyncio.gather(*waiting)
    assert queue.taken == [request.cast_id for request in requests]


async def test_of_those_that_wait_only_the_first_asks() -> None:
    queue = Queue()
    lanes, requests = Lanes(queue.publish), [request_for("hello") for _ in range(5)]
    waiting = [asyncio.create_task(enter(lanes, request)) for request in requests]
    while len(queue.asked) < 3:  # noqa: ASYNC110 - it asks in its own time
        await asyncio.sleep(0.01)
    assert set(queue.asked) == {requests[0].cast_id}
    waiting[0].cancel()
    while requests[1].cast_id not in queue.asked:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    for task in waiting:
        task.cancel()


async def test_a_full_lane_does_not_hold_up_another() -> None:
    queue = Queue()
    lanes, full, free = Lanes(queue.publish), request_for("hello"), request_for("echo")
    queue.room[free.module_digest] = 1
    waiting = asyncio.create_task(enter(lanes, full))
    await enter(lanes, free)
    assert queue.taken == [free.cast_id]
    assert not waiting.done()
    waiting.cancel()


async def test_a_queue_that_is_away_is_told_to_the_run_and_not_to_those_behind_it() -> None:
    async def fail_once(request: RunRequest) -> bool:
        if request is requests[0]:
            raise SpellError("SERVICE_UNAVAILABLE")
        return True

    requests = [request_for("hello") for _ in range(2)]
    lanes = Lanes(fail_once)
    behind = asyncio.gather(
        *(enter(lanes, request) for request in requests), return_exceptions=True
    )
    first, second = await behind
    assert isinstance(first, SpellError)
    assert second is None
    with pytest.raises(SpellError):
        await enter(lanes, requests[0])
