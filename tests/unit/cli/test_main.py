"""The command line itself: exit codes, `--json` anywhere, help; all without a platform."""

import json
import os
from pathlib import Path

import pytest

from cli.client import ExitCode
from tests.support.command import spell
from tests.support.e2e_packages import files_of, says


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No platform, and a folder of its own."""
    monkeypatch.delenv("SPELL_API_URL", raising=False)
    monkeypatch.delenv("SPELL_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)


def _folder(folder: Path, **changes: bytes) -> str:
    files = {**files_of("com.example.folder", says()), **changes}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return str(folder)


WRONG = [
    (["nonsense"], "No such command 'nonsense'"),
    (["casts", "--limit", "0"], "'--limit'"),
    (["casts", "--nonsense"], "No such option"),
    (["casts", "--status", "done"], "'--status'"),
    (["cast"], "Missing argument"),
    (["cap", "set", "balance", "5"], "balance"),
    (["keys", "create", "x", "-s", "root"], "'--scope'"),
    (["publish", "no-such-folder"], "does not exist"),
    (["cast", "com.example.x", "no-such-file.json"], "No such file"),
    (["cast", "com.example.x", "-i", "no equals sign"], "name=value"),
    (["cast", "com.example.x", "--out", "no/such/folder/x.json"], "no such folder"),
    (["cast", "com.example.x", "--limit", "speed=5"], "There are fuel, timeout_ms"),
    (["cast", "com.example.x", "--limit", "fuel=fast"], "whole number"),
    (["secrets", "set", "com.example.x"], "Missing argument"),
    # A value is never an argument: it would stand in the shell's history.
    (["secrets", "set", "com.example.x", "TOKEN", "hunter2"], "unexpected extra argument"),
    (["casts"], "No platform to talk to"),
    (["db", "current"], "SPELL_DATABASE_URL"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG)
def test_wrong_use_ends_with_two_and_a_message(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    assert spell(monkeypatch, *arguments) == ExitCode.USAGE
    said = capsys.readouterr()
    assert (said.out, words in said.err) == ("", True)


@pytest.mark.parametrize(("arguments", "words"), WRONG)
def test_wrong_use_is_one_document_with_json(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    assert spell(monkeypatch, *arguments, "--json") == ExitCode.USAGE
    said = capsys.readouterr()
    assert said.err == ""
    assert words in json.loads(said.out)["message"]


def test_a_usage_error_leads_to_the_help_of_its_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spell(monkeypatch, "keys", "create")
    assert "Try `spell keys create --help`." in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["cast", "--help"], ["keys", "--help"]])
def test_help_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert spell(monkeypatch, *arguments) == 0
    assert "Usage: spell" in capsys.readouterr().out


def test_without_a_command_the_help_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert spell(monkeypatch) == ExitCode.USAGE
    assert "Exit codes: 0 done, 1 the cast failed" in capsys.readouterr().out


def test_json_behind_a_double_dash_is_not_an_option(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert spell(monkeypatch, "show", "--", "--json") == ExitCode.USAGE
    assert "No platform to talk to" in capsys.readouterr().err


def test_a_folder_with_errors_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("SPELL_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SPELL_API_KEY", "sk_x")
    folder = _folder(tmp_path, **{"manifest.toml": b'[spell]\nkey = "Not A Key"\n'})
    assert spell(monkeypatch, "publish", folder) == ExitCode.REFUSED
    said = capsys.readouterr().err
    assert "MANIFEST_INVALID" in said
    assert "line 2: spell.key must be dotted lower-case names" in said
    assert spell(monkeypatch, "publish", folder, "--json") == ExitCode.REFUSED
    document = json.loads(capsys.readouterr().out)
    assert document["code"] == "MANIFEST_INVALID"


@pytest.mark.parametrize("kind", ["link", "dangling link", "link to a folder", "pipe"])
def test_what_is_no_plain_file_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    kind: str,
) -> None:
    folder = tmp_path / "spell"
    (folder / "resources").mkdir(parents=True)
    _folder(folder)
    odd = folder / "resources" / "odd"
    if kind == "pipe":
        os.mkfifo(odd)
    else:
        targets = {"link": "../spell.wasm", "dangling link": "none", "link to a folder": ".."}
        odd.symlink_to(targets[kind])
    assert spell(monkeypatch, "publish", str(folder)) == ExitCode.REFUSED
    assert "resources/odd is a link or a device" in capsys.readouterr().err


def test_ctrl_c_has_the_shells_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.inputs.Path.read_bytes", interrupted)
    arguments = ("cast", "com.example.x", "inputs.json")
    assert spell(monkeypatch, *arguments) == ExitCode.INTERRUPTED
