import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.embedded.output import BoundedLog, LineSplitter, Output, with_prefix


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
def test_lines_do_not_depend_on_how_they_were_chunked(printed: bytes, cuts: list[int]) -> None:
    whole, pieces = LineSplitter(), LineSplitter()
    edges = [0, *sorted(min(cut, len(printed)) for cut in cuts), len(printed)]
    lines = []
    for start, end in itertools.pairwise(edges):
        lines += pieces.feed(printed[start:end])
    assert lines + pieces.flush() == whole.feed(printed) + whole.flush()


def test_an_overlong_line_is_cut_and_the_next_one_is_not() -> None:
    splitter = LineSplitter(limit_bytes=4)
    assert splitter.feed(b"12") == []
    assert splitter.feed(b"345678\n1234\n12345\n") == ["1234 … (cut)", "1234", "1234 … (cut)"]


def test_the_last_line_needs_no_end() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"one\r\n\ntwo") == ["one", ""]
    assert splitter.flush() == ["two"]
    assert splitter.flush() == []


def test_bytes_that_are_no_text_become_text() -> None:
    assert LineSplitter().feed(b"\xff\n") == ["\N{REPLACEMENT CHARACTER}"]


def test_a_full_log_makes_room_and_keeps_one_before(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "api.log", limit_bytes=10)
    for word in ("first", "second", "third", "fourth", "fifth"):
        log.append(word)
    log.close()
    assert (tmp_path / "api.log").read_text() == "fifth\n"
    assert (tmp_path / "api.log.1").read_text() == "third\nfourth\n"


def test_a_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    for word in ("one", "two"):
        log = BoundedLog(tmp_path / "api.log")
        log.append(word)
        log.close()
    assert (tmp_path / "api.log").read_text() == "one\ntwo\n"


def test_a_sink_that_is_gone_does_not_stop_the_logs(tmp_path: Path) -> None:
    def closed_terminal(name: str, line: str) -> None:
        raise BrokenPipeError

    output = Output(tmp_path, closed_terminal)
    output.line("api", "one")
    output.line("api", "two")
    output.close()
    assert (tmp_path / "api.log").read_text() == "one\ntwo\n"


@pytest.mark.parametrize(
    ("name", "shown"), [("api", "api      | up"), ("temporal", "temporal | up")]
)
def test_prefixes_line_up(name: str, shown: str) -> None:
    assert with_prefix(name, "up") == shown
