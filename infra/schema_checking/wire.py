"""Questions and answers between the platform and a checking process, as length-prefixed frames.

Plain bytes and JSON, never pickles: the platform reads what a process wrote that had hostile
schemas in its memory.
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO

SIDES = ("input", "output")
"""The two schemas of a schema.json."""

READY = b"R"
"""What a checking process writes once, when its imports are done."""

QUESTION_HEAD = struct.Struct("!6sII")
"""Side (empty: check the schemas themselves), length of schema.json, length of the value."""
ANSWER_HEAD = struct.Struct("!I")


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in a schema or a value, and where (JSON Pointer)."""

    path: str
    message: str


def question_frame(side: str, schema_json: bytes, value_json: bytes) -> bytes:
    """One question as the bytes that travel."""
    head = QUESTION_HEAD.pack(side.encode("ascii"), len(schema_json), len(value_json))
    return head + schema_json + value_json


def read_question(stream: BinaryIO) -> tuple[str, bytes, bytes] | None:
    """The next (side, schema.json, value), or None when the platform closed the pipe."""
    head = stream.read(QUESTION_HEAD.size)
    if len(head) < QUESTION_HEAD.size:
        return None
    side, schema_bytes, value_bytes = QUESTION_HEAD.unpack(head)
    return side.rstrip(b"\0").decode("ascii"), stream.read(schema_bytes), stream.read(value_bytes)


def answer_frame(answer: bytes) -> bytes:
    """One answer as the bytes that travel."""
    return ANSWER_HEAD.pack(len(answer)) + answer
