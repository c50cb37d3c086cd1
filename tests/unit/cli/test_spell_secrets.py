"""Where the value of a secret comes from: stdin, or a prompt that does not show it."""

import io

import pytest
import typer

from cli.client import CliError, ExitCode
from cli.spell_secrets import read_value
from schema.limits import SECRET_BYTES_MAX


class Piped(io.TextIOWrapper):
    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"hunter2", "hunter2"),
        (b"hunter2\n", "hunter2"),
        (b"hunter2\r\n", "hunter2"),
        (b"two\nlines\n\n", "two\nlines\n"),
        (b" blanks ", " blanks "),
        ("päss".encode(), "päss"),
        (b"", ""),
    ],
)
def test_a_piped_value_loses_one_line_end_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, content: bytes, value: str
) -> None:
    monkeypatch.setattr("sys.stdin", Piped(content))
    assert read_value("TOKEN") == value


def test_a_piped_value_that_is_no_text_is_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Piped(b"\xff\xfe"))
    with pytest.raises(CliError) as refused:
        read_value("TOKEN")
    assert refused.value.exit_code == ExitCode.USAGE


def test_an_endless_value_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    piped = Piped(b"x" * 10 * SECRET_BYTES_MAX)
    monkeypatch.setattr("sys.stdin", piped)
    assert SECRET_BYTES_MAX < len(read_value("TOKEN")) <= 2 * SECRET_BYTES_MAX


def test_at_a_terminal_the_value_is_asked_for_and_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, object]] = []

    def prompt(question: str, **options: object) -> str:
        asked.append((question, options["hide_input"]))
        return "hunter2"

    terminal = Piped(b"")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    monkeypatch.setattr(typer, "prompt", prompt)
    assert read_value("TOKEN") == "hunter2"
    assert asked == [("Value of TOKEN", True)]
