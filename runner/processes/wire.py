"""Frames between the supervisor and its processes.

A frame is a JSON head and three byte strings, each with its length in front. One side sends, the
other answers. To a sandbox process there is never more than one frame under way in a direction;
the egress process has many, told apart by a number in their heads.
"""

import json
import os
import struct
from dataclasses import dataclass
from typing import Any

_LENGTHS = struct.Struct(">IIII")
_HEAD_BYTES_MAX = 64 * 1024
# A larger buffer is mapped and unmapped for each frame: 14 us.
_READ_BYTES = 64 * 1024
ORDER_BYTES_MAX = 64 * 1024 * 1024
"""Largest attachment of an order: inputs, or an archive of resources."""


class FrameError(ValueError):
    """The bytes are not a frame that this side accepts."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: what it says, and up to three attachments."""

    head: dict[str, Any]
    first: bytes = b""
    second: bytes = b""
    third: bytes = b""


def encode(frame: Frame) -> bytes:
    """The bytes of a frame."""
    # Characters as they are: escaped, a head that was bounded where it came from may be six times
    # as long, and break the channel.
    head = json.dumps(frame.head, separators=(",", ":"), ensure_ascii=False).encode()
    lengths = _LENGTHS.pack(len(head), len(frame.first), len(frame.second), len(frame.third))
    return b"".join((lengths, head, frame.first, frame.second, frame.third))


class FrameReader:
    """Puts frames together from whatever pieces arrive.

    Args:
        attachment_bytes_max: what one attachment may hold; the other side is not trusted with
            this process's memory.
    """

    def __init__(self, attachment_bytes_max: int) -> None:
        self._attachment_bytes_max = attachment_bytes_max
        self._pieces = bytearray()

    def feed(self, piece: bytes) -> Frame | None:
        """Take the next bytes; answer the frame that they complete, if they do.

        Where several frames may arrive at once, feed nothing until there is none left.

        Raises:
            FrameError: a length is over its bound, or the head is not a JSON object.
        """
        self._pieces += piece
        if len(self._pieces) < _LENGTHS.size:
            return None
        head, first, second, third = _LENGTHS.unpack_from(self._pieces)
        if head > _HEAD_BYTES_MAX or max(first, second, third) > self._attachment_bytes_max:
            raise FrameError("a frame is larger than this side accepts")
        first_at = _LENGTHS.size + head
        second_at = first_at + first
        third_at = second_at + second
        end = third_at + third
        if len(self._pieces) < end:
            return None
        frame = Frame(
            head=_parse_head(bytes(self._pieces[_LENGTHS.size : first_at])),
            first=bytes(self._pieces[first_at:second_at]),
            second=bytes(self._pieces[second_at:third_at]),
            third=bytes(self._pieces[third_at:end]),
        )
        del self._pieces[:end]
        return frame


def read_frame(descriptor: int, attachment_bytes_max: int = ORDER_BYTES_MAX) -> Frame | None:
    """Read one frame, waiting for it; None when the other side has closed.

    Raises:
        FrameError: the stream ends inside a frame, or breaks its rules.
    """
    reader = FrameReader(attachment_bytes_max)
    started = False
    while piece := os.read(descriptor, _READ_BYTES):
        started = True
        frame = reader.feed(piece)
        if frame is not None:
            return frame
    if started:
        raise FrameError("the stream ended inside a frame")
    return None


def write_frame(descriptor: int, frame: Frame) -> None:
    """Write one frame, waiting until the other side has taken it."""
    rest = memoryview(encode(frame))
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def take_channel() -> int:
    """In a new process: keep standard input, the channel, for ourselves alone.

    Standard input and output lead nowhere afterwards, so no stray print can get into the channel.
    """
    channel = os.dup(0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return channel


def _parse_head(text: bytes) -> dict[str, Any]:
    try:
        head = json.loads(text)
    except ValueError as error:
        raise FrameError("a frame's head is not JSON") from error
    if not isinstance(head, dict):
        raise FrameError("a frame's head is not an object")
    return head
