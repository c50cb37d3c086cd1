"""Standard streams: progress lines are found wherever writes are cut, and both are bounded."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.sandbox.wasi.abi import GuestEnd
from runner.sandbox.wasi.streams import ErrorStream, OutputStream
from schema import limits
from schema.violations import ViolationKind

_LOG = (
    b'first\n::progress {"done":1}\nmiddle ::progress {"no":1}\n::progress not json\n'
    b'::progress [1]\n::progress {"x":NaN}\n::progress {"x":1e999}\n::progress {"x":"\\ud800"}\n'
    b'::prog\n\n::progress {"note":"\xc3\xa9"}\nlast\n::progress {"done":2}'
)
_REPORTS = [{"done": 1}, {"note": "é"}, {"done": 2}]
_KEPT = (
    b'first\nmiddle ::progress {"no":1}\n::progress not json\n'
    b'::progress [1]\n::progress {"x":NaN}\n::progress {"x":1e999}\n::progress {"x":"\\ud800"}\n'
    b"::prog\n\nlast\n"
)


class Log:
    def __init__(self, bytes_max: int = 10_000) -> None:
        self.reports: list[dict[str, Any]] = []
        self.cut = 0
        self.stream = ErrorStream(bytes_max, self.reports.append, self._count)

    def _count(self, kind: ViolationKind, subject: str) -> None:
        assert (kind, subject) == (ViolationKind.STDERR_CUT, "")
        self.cut += 1


def test_reports_are_found_wherever_the_writes_are_cut() -> None:
    for at in range(len(_LOG) + 1):
        log = Log()
        log.stream.write(_LOG[:at])
        log.stream.write(_LOG[at:])
        log.stream.close()
        assert (log.reports, bytes(log.stream.content)) == (_REPORTS, _KEPT), at


@given(cuts=st.lists(st.integers(0, len(_LOG)), max_size=40))
def test_reports_are_found_in_writes_of_any_size(cuts: list[int]) -> None:
    log, borders = Log(), [0, *sorted(cuts), len(_LOG)]
    for start, end in pairwise(borders):
        log.stream.write(_LOG[start:end])
    log.stream.close()
    assert (log.reports, bytes(log.stream.content)) == (_REPORTS, _KEPT)


def test_a_report_of_the_largest_size_is_one_and_a_byte_more_is_log() -> None:
    for size, reports in ((limits.PROGRESS_BYTES_MAX, 1), (limits.PROGRESS_BYTES_MAX + 1, 0)):
        log = Log()
        text = b'{"note":"' + b"x" * (size - 11) + b'"}'
        assert len(text) == size
        for byte in b"::progress " + text + b"\n":
            log.stream.write(bytes([byte]))
        log.stream.close()
        assert len(log.reports) == reports
        assert bool(log.stream.content) is not bool(reports)


def test_a_beginning_that_never_ends_is_not_held_back_for_ever() -> None:
    log = Log(bytes_max=limits.STDERR_BYTES_MAX)
    for _ in range(20):
        log.stream.write(b"::progress " + b"x" * 1000)
    assert len(log.stream.content) > 10_000


@given(pieces=st.lists(st.binary(max_size=50), max_size=20), bytes_max=st.integers(0, 200))
def test_the_log_holds_the_beginning_and_the_rest_is_noted(
    pieces: list[bytes], bytes_max: int
) -> None:
    log = Log(bytes_max)
    for piece in pieces:
        log.stream.write(piece)
    log.stream.close()
    written = b"".join(pieces)
    assert bytes(log.stream.content) == written[:bytes_max]
    assert bool(log.cut) is (len(written) > bytes_max)


@given(pieces=st.lists(st.binary(max_size=50), max_size=10), bytes_max=st.integers(0, 200))
def test_the_output_ends_the_guest_at_the_first_byte_too_many(
    pieces: list[bytes], bytes_max: int
) -> None:
    output, written = OutputStream(bytes_max), b""
    for piece in pieces:
        written += piece
        if len(written) > bytes_max:
            with pytest.raises(GuestEnd, match="OUTPUT_TOO_LARGE"):
                output.write(piece)
            break
        output.write(piece)
    assert bytes(output.content) == written[:bytes_max]


def test_what_the_platform_does_not_read_as_a_report_stays_in_the_log() -> None:
    """Left to others, it got lost, or was nested too deep for the one who takes secrets out."""
    log = Log()
    deep = b'::progress {"a":' + b"[" * 480 + b"]" * 480 + b"}\n"
    twice = b'::progress {"done":1,"done":2}\n'
    log.stream.write(deep + twice)
    log.stream.close()
    assert (log.reports, bytes(log.stream.content)) == ([], deep + twice)
