"""Goal: what strangers write never commands a terminal. Method: every way out of the CLI."""

import pytest

from cli.client import CliError, ExitCode
from cli.output import Output
from tests.support.command import spell

EVIL = "\x1b]0;owned\x07\x1b[2Kdone\rpaid\x9b31m \u202egnp\n\tnext line"


def commands_no_terminal(said: str) -> bool:
    return not any(each in said for each in "\x1b\x07\r\x9b\u202e") and "\\x1b]0;owned" in said


def test_results_tables_and_notes_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    Output().document({}, EVIL)
    assert commands_no_terminal(capsys.readouterr().out)
    Output().table({}, ("name",), [(EVIL,)])
    assert commands_no_terminal(capsys.readouterr().out)
    Output().note(EVIL)
    assert commands_no_terminal(capsys.readouterr().err)


def test_errors_are_plain(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise CliError(EVIL, ExitCode.REFUSED)

    monkeypatch.setattr("cli.main.app", refuse)
    assert spell(monkeypatch, "casts") == ExitCode.REFUSED
    assert commands_no_terminal(capsys.readouterr().err)


def test_lines_and_letters_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    Output().document({}, "grün 👩‍🚀 one\r\ntwo [bold]")
    assert capsys.readouterr().out == "grün 👩‍🚀 one\ntwo [bold]\n"
