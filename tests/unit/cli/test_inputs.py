"""Inputs from the command line: a document, members, and files."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest

from cli.client import CliError, ExitCode
from cli.inputs import collect_inputs, collect_limits


def _collected(*members: str) -> Any:
    return collect_inputs(None, list(members), [], [])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-1.5", -1.5),
        ("true", True),
        ("null", None),
        ("[1,2]", [1, 2]),
        ('{"a":1}', {"a": 1}),
        ('"5"', "5"),
        ("plain text", "plain text"),
        ("", ""),
        ("a=b", "a=b"),
        ("05", "05"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("1e400", "1e400"),
        ('"\\ud800"', '"\\ud800"'),
        ("{broken", "{broken"),
        ("schön", "schön"),
    ],
)
def test_a_member_is_json_where_it_reads_as_json_and_text_else(text: str, value: Any) -> None:
    assert _collected(f"name={text}") == {"name": value}


def test_without_anything_the_inputs_are_an_empty_object() -> None:
    assert _collected() == {}


def test_the_last_of_equal_members_wins() -> None:
    assert _collected("a=1", "a=2") == {"a": 2}


def test_files_become_text_or_base64(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes("grün\xad".encode("latin-1"))
    (tmp_path / "bytes").write_bytes(bytes(range(256)))
    inputs = collect_inputs(None, [], [f"t={tmp_path / 'text'}"], [f"b={tmp_path / 'bytes'}"])
    assert inputs["t"] == "gr�n�"
    assert base64.b64decode(inputs["b"]) == bytes(range(256))


def test_members_are_added_to_a_document(tmp_path: Path) -> None:
    document = tmp_path / "inputs.json"
    document.write_text('{"a": 1, "b": 1}')
    inputs = collect_inputs(str(document), ["b=2", "c=3"], [], [])
    assert inputs == {"a": 1, "b": 2, "c": 3}
    assert collect_inputs(str(document), [], [], []) == {"a": 1, "b": 1}


def test_a_document_may_be_any_json_and_come_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"[1, 2]")))
    assert collect_inputs("-", [], [], []) == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((None, ["no equals sign"], [], []), "name=value"),
        ((None, ["=value"], [], []), "name=value"),
        ((None, [], ["text"], []), "name=value"),
        ((None, [], ["a=/no/such/file"], []), "/no/such/file: No such file"),
        ((None, [], [], ["a=/"]), "Is a directory"),
        (("/no/such/file", [], [], []), "No such file"),
        ((None, ["a=9007199254740993"], [], []), "cannot be sent"),
    ],
)
def test_what_cannot_be_inputs_is_wrong_use(arguments: Any, words: str) -> None:
    with pytest.raises(CliError, match=words) as caught:
        collect_inputs(*arguments)
    assert caught.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "not valid JSON"),
        (b'{"a": 1, "a": 2}', "appears twice"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b"\xff", "not valid UTF-8"),
    ],
)
def test_a_document_that_is_no_strict_json_is_wrong_use(
    tmp_path: Path, content: bytes, words: str
) -> None:
    document = tmp_path / "inputs.json"
    document.write_bytes(content)
    with pytest.raises(CliError, match=words) as caught:
        collect_inputs(str(document), [], [], [])
    assert str(document) in str(caught.value)


def test_members_cannot_be_added_to_a_list(tmp_path: Path) -> None:
    document = tmp_path / "list.json"
    document.write_text("[1]")
    with pytest.raises(CliError, match="JSON object"):
        collect_inputs(str(document), ["a=1"], [], [])


def test_limits_are_whole_numbers_by_the_names_of_the_api() -> None:
    options = ["fuel=1_000_000", "timeout_ms=500", "net_requests_max=0"]
    assert collect_limits(options) == {
        "fuel": 1_000_000,
        "timeout_ms": 500,
        "net_requests_max": 0,
    }


@pytest.mark.parametrize(
    "options",
    [
        ["fuel"],
        ["fuel="],
        ["=5"],
        ["fuel=-1"],
        ["fuel=1.5"],
        ["fuel=1e6"],
        ["fuel=_1"],
        ["fuel=\u0665"],
        ["fuel=" + "9" * 5_000],
        ["fuel=5", "fuel=6"],
        ["max_memory_mb=5"],
    ],
)
def test_a_limit_that_is_none_is_wrong_use(options: list[str]) -> None:
    with pytest.raises(CliError) as refused:
        collect_limits(options)
    assert refused.value.exit_code == ExitCode.USAGE
