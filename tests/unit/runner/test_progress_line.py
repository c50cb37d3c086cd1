"""Progress leaves at a bounded pace, whatever a sandbox process sends, and the last report does."""

import asyncio
import json

from runner.progress_line import ProgressLine


class Bus:
    def __init__(self) -> None:
        self.sent: list[int] = []
        self.first = asyncio.Event()

    async def send(self, report: bytes) -> None:
        self.sent.append(json.loads(report)["done"])
        self.first.set()


async def test_of_a_flood_the_first_and_the_newest_are_sent() -> None:
    bus = Bus()
    line = ProgressLine(bus.send)
    line.put({"done": 0})
    await bus.first.wait()
    for number in range(1, 1000):
        line.put({"done": number})
        await asyncio.sleep(0)
    await line.close()
    assert bus.sent == [0, 999]


async def test_the_end_of_a_run_does_not_wait_for_the_pace() -> None:
    bus = Bus()
    line = ProgressLine(bus.send)
    line.put({"done": 1})
    await line.close()
    await line.close()
    assert bus.sent == [1]
