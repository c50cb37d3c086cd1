import asyncio
import socket
import struct

import pytest

from runner.processes.channel import Channel
from runner.processes.wire import Frame, FrameError, encode


class End:
    """One end of a channel, and what came over it."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.closed = asyncio.Event()
        self.channel = Channel(10, self.take, self.closed.set)

    def take(self, frame: Frame) -> None:
        if frame.head == {"no": "sense"}:
            raise FrameError("not what was agreed")
        self.frames.append(frame)


async def test_frames_that_arrive_together_are_handed_over_one_by_one() -> None:
    ours, theirs = socket.socketpair()
    end = End()
    await end.channel.open(ours)
    sent = [Frame({"n": 1}, b"one"), Frame({"n": 2}), Frame({"n": 3}, b"", b"three")]
    theirs.sendall(b"".join(map(encode, sent)))
    theirs.close()
    await end.closed.wait()
    assert end.frames == sent
    assert not end.channel.broken


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\xff" * 16,
        encode(Frame({}, b"more than ten bytes")),
        encode(Frame({"no": "sense"})),
        struct.pack(">IIII", 60_000, 0, 0, 0) + b"[" * 60_000,
    ],
    ids=["no frame", "a large one", "one that is refused", "a bottomless one"],
)
async def test_nonsense_breaks_the_channel_and_closes_it(nonsense: bytes) -> None:
    ours, theirs = socket.socketpair()
    end = End()
    await end.channel.open(ours)
    with theirs:
        theirs.sendall(nonsense)
        await end.closed.wait()
    assert end.channel.broken
    assert end.frames == []
