"""Questions and answers between the platform and a child, as length-prefixed frames.

Plain bytes and JSON, never pickles: the platform reads what a process wrote that had hostile
bytes in its memory.
"""

import struct
from typing import BinaryIO

READY = b"R"
"""What a child writes once, when its imports are done."""

Question = tuple[str, bytes, bytes]
"""What is asked, in at most sixteen ASCII characters, and up to two contents it is asked about."""

QUESTION_HEAD = struct.Struct("!16sII")
ANSWER_HEAD = struct.Struct("!I")


def question_frame(question: Question) -> bytes:
    """One question as the bytes that travel."""
    word, first, second = question
    head = QUESTION_HEAD.pack(word.encode("ascii"), len(first), len(second))
    return head + first + second


def read_question(stream: BinaryIO) -> Question | None:
    """The next question, or None when the platform closed the pipe."""
    head = stream.read(QUESTION_HEAD.size)
    if len(head) < QUESTION_HEAD.size:
        return None
    word, first, second = QUESTION_HEAD.unpack(head)
    return word.rstrip(b"\0").decode("ascii"), stream.read(first), stream.read(second)


def answer_frame(answer: bytes) -> bytes:
    """One answer as the bytes that travel."""
    return ANSWER_HEAD.pack(len(answer)) + answer
