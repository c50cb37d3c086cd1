"""Ranges as RFC 9110 has them: the examples of 14.1.2, and all that is none."""

import pytest

from api.byte_ranges import ByteRange, asked_range
from schema.errors import SpellError

ETAG = '"abc"'


def asked(header: str | None, size: int = 10_000, if_range: str | None = None) -> tuple[int, int]:
    found = asked_range(header, if_range, ETAG, size)
    return (found.start, found.end) if found else (0, size)


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-499", 0, 500),
        ("bytes=500-999", 500, 1000),
        ("bytes=-500", 9500, 10_000),
        ("bytes=9500-", 9500, 10_000),
        ("bytes=9999-9999", 9999, 10_000),
        ("bytes=0-", 0, 10_000),
        ("bytes=9990-99999999", 9990, 10_000),
        ("bytes=-99999999", 0, 10_000),
        ("BYTES= 1-2 ", 1, 3),
    ],
)
def test_a_range_is_these_bytes(header: str, start: int, end: int) -> None:
    assert asked_range(header, None, ETAG, 10_000) == ByteRange(start, end, 10_000)


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=1-0", "bytes=0-1,3-4", "lines=0-1",
     "bytes=1 -2", "bytes=--1", "bytes=+1-2", "bytes=0x1-2", "bytes=\u0661-\u0662", "bytes=1-2;",
     "bytes=" + "1" * 20 + "-", "bytes=" + "9" * 5000 + "-"],
)  # fmt: skip
def test_what_is_no_single_range_is_answered_with_the_whole(header: str | None) -> None:
    assert asked_range(header, None, ETAG, 10_000) is None


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ("bytes=10000-", 10_000),
        ("bytes=10001-10002", 10_000),
        ("bytes=-0", 10_000),
        ("bytes=0-0", 0),
        ("bytes=-1", 0),
    ],
)
def test_a_range_without_a_byte_cannot_be_answered(header: str, size: int) -> None:
    with pytest.raises(SpellError) as refused:
        asked_range(header, None, ETAG, size)
    assert (refused.value.code, refused.value.details) == ("RANGE_NOT_SATISFIABLE", {"bytes": size})


@pytest.mark.parametrize(
    "other", ['"other"', 'W/"abc"', "abc", "Thu, 26 Nov 2026 02:00:00 GMT", ""]
)
def test_under_a_condition_that_does_not_hold_the_whole_is_answered(other: str) -> None:
    assert asked("bytes=0-1", if_range=ETAG) == (0, 2)
    assert asked_range("bytes=0-1", other, ETAG, 10_000) is None
    assert asked_range("bytes=99999-", other, ETAG, 10_000) is None
