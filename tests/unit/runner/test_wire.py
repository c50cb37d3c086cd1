"""Frames come together whatever pieces they arrive in, and stay within their bounds."""

import os

import pytest

from runner.processes.wire import Frame, FrameError, FrameReader, encode, read_frame, write_frame

FRAME = Frame({"do": "run", "number": 7}, b"first" * 100, b"\0second", b"third")


@pytest.mark.parametrize("piece_bytes", [1, 2, 7, 16, 17, 500, 10_000])
def test_a_frame_comes_together_from_pieces(piece_bytes: int) -> None:
    reader, sent, frames = FrameReader(1000), encode(FRAME), []
    for start in range(0, len(sent), piece_bytes):
        frame = reader.feed(sent[start : start + piece_bytes])
        if frame is not None:
            frames.append(frame)
    assert frames == [FRAME]


def test_a_reader_takes_one_frame_after_the_other() -> None:
    reader = FrameReader(1000)
    assert reader.feed(encode(FRAME)) == FRAME
    assert reader.feed(encode(Frame({}))) == Frame({})


@pytest.mark.parametrize("attachment", ["first", "second", "third"])
def test_an_attachment_over_its_bound_is_refused_before_it_arrives(attachment: str) -> None:
    sent = encode(Frame({}, **{attachment: b"x" * 1001}))
    with pytest.raises(FrameError):
        FrameReader(1000).feed(sent[:16])


def test_a_head_over_its_bound_is_refused() -> None:
    with pytest.raises(FrameError):
        FrameReader(1000).feed(encode(Frame({"x": "y" * 100_000}))[:16])


@pytest.mark.parametrize("head", [b"[1]", b"{", b"\xff"])
def test_a_head_that_is_no_object_is_refused(head: bytes) -> None:
    sent = len(head).to_bytes(4, "big") + bytes(12) + head
    with pytest.raises(FrameError):
        FrameReader(1000).feed(sent)


def test_a_pipe_carries_frames_until_it_is_closed() -> None:
    read_end, write_end = os.pipe()
    write_frame(write_end, FRAME)
    assert read_frame(read_end) == FRAME
    os.close(write_end)
    assert read_frame(read_end) is None
    os.close(read_end)


def test_a_pipe_that_is_closed_inside_a_frame_is_an_error() -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, encode(FRAME)[:20])
    os.close(write_end)
    with pytest.raises(FrameError):
        read_frame(read_end)
    os.close(read_end)
