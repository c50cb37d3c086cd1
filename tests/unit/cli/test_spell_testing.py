"""Goal: `spell test` finds what the platform would refuse, and runs a spell's own tests.

Method: folders with one thing wrong each, in the sandbox that casts run in.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.client import ExitCode
from tests.modules.guests import guest
from tests.support.command import spell
from tests.support.e2e_packages import ANYTHING, files_of, says

OBJECTS = {"input": {"type": "object"}, "output": {"type": "object"}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tests").mkdir()
    return tmp_path


def fill(folder: Path, module: bytes, schemas: dict[str, Any] = ANYTHING, **changes: Any) -> None:
    for name, content in files_of("com.example.tested", module, schemas, **changes).items():
        (folder / name).write_bytes(content)


def trial(folder: Path, name: str, **members: Any) -> None:
    (folder / "tests" / f"{name}.json").write_text(json.dumps(members))


def findings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: int
) -> dict[str, tuple[bool, str]]:
    """What was found, by name, once the folder has its bill."""
    assert spell(monkeypatch, "sbom", "generate", ".") == 0
    capsys.readouterr()
    assert spell(monkeypatch, "--json", "test", ".") == code
    document = json.loads(capsys.readouterr().out)
    assert document["passed"] is (code == 0)
    return {found["name"]: (found["passed"], found["found"]) for found in document["findings"]}


def test_a_good_spell_passes_with_every_test(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(folder, guest("echo"))
    trial(folder, "says", inputs={"b": 1, "a": "ü"}, output={"a": "ü", "b": 1})
    found = findings(monkeypatch, capsys, 0)
    assert set(found) == {
        "package",
        "sbom.cdx.json",
        "schema.json",
        "spell.wasm",
        "tests/says.json",
    }
    assert found["tests/says.json"][1].startswith("as expected, fuel ")


def test_what_a_spell_leaves_is_told_and_compared_by_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = {"fs_write": ["artifacts"]}
    fill(folder, guest("leaves"), policy=policy, max_memory_mb=8)
    left = ["rows/1.csv", "copy.json"]
    trial(folder, "any", inputs={}, output={})
    trial(folder, "these", inputs={}, output={}, artifacts=left)
    trial(folder, "others", inputs={}, output={}, artifacts=[*left, "more"])
    found = findings(monkeypatch, capsys, 3)
    assert found["tests/any.json"][1].endswith(", left copy.json, rows/1.csv")
    assert found["tests/these.json"][0]
    assert found["tests/others.json"] == (False, "the artifacts are copy.json, rows/1.csv")


def test_another_output_another_end_and_bad_inputs_are_told_apart(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(folder, guest("echo"), OBJECTS)
    trial(folder, "differs", inputs={"a": 1}, output={"a": 2})
    trial(folder, "succeeds", inputs={"a": 1}, fails="SPELL_FAILED")
    trial(folder, "refused", inputs=[1], output={})
    trial(folder, "right", inputs={}, output={})
    found = findings(monkeypatch, capsys, ExitCode.REFUSED)
    assert found["tests/differs.json"] == (False, 'the output is {"a":1}')
    assert found["tests/succeeds.json"] == (False, "ended as succeeded, not SPELL_FAILED")
    assert "The platform would refuse the inputs" in found["tests/refused.json"][1]
    assert found["tests/right.json"][0]


def test_a_failure_shows_what_the_spell_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(folder, says(b"", b"no: the moon is full\n", 3))
    trial(folder, "fails", inputs={}, output={})
    trial(folder, "should", inputs={}, fails="SPELL_FAILED")
    found = findings(monkeypatch, capsys, ExitCode.REFUSED)
    assert found["tests/fails.json"] == (False, "ended as SPELL_FAILED: no: the moon is full")
    assert found["tests/should.json"][0]


def test_an_output_that_is_no_json_or_breaks_its_schema_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(folder, says(b"[1]"), OBJECTS)
    trial(folder, "breaks", inputs={}, output=[1])
    found = findings(monkeypatch, capsys, ExitCode.REFUSED)
    assert found["tests/breaks.json"][1].startswith("output: ")
    fill(folder, says(b"<html>"))
    found = findings(monkeypatch, capsys, ExitCode.REFUSED)
    assert found["tests/breaks.json"][1].startswith("the output is no JSON")


def test_a_limit_holds_as_it_does_in_a_cast(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(folder, guest("time"), entry="loop_for_ever", fuel=1_000_000)
    trial(folder, "burns", inputs={}, fails="FUEL_EXHAUSTED")
    assert findings(monkeypatch, capsys, 0)["tests/burns.json"][0]


def test_a_module_or_schema_that_is_refused_is_said_so_and_nothing_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(folder, guest("echo"), entry="no_such_export")
    trial(folder, "says", inputs={}, output={})
    found = findings(monkeypatch, capsys, ExitCode.REFUSED)
    assert not found["MODULE_INVALID"][0]
    assert "tests/says.json" not in found
    fill(folder, guest("echo"), {"input": {"type": 3}, "output": {}})
    assert not findings(monkeypatch, capsys, ExitCode.REFUSED)["SCHEMA_INVALID"][0]


def test_a_bill_that_is_missing_or_old_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(folder, guest("echo"))
    assert spell(monkeypatch, "test", ".") == ExitCode.REFUSED
    assert "`spell sbom generate`" in capsys.readouterr().out
    assert spell(monkeypatch, "sbom", "generate", ".") == 0
    (folder / "spell.wasm").write_bytes(says())
    assert spell(monkeypatch, "test", ".") == ExitCode.REFUSED
    assert "sbom.cdx.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON|not valid JSON"),
        ('{"output": 1}', "inputs"),
        ('{"inputs": 1, "outputs": 1}', "outputs"),
    ],
)
def test_a_file_that_is_no_test_is_wrong_use(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    words: str,
) -> None:
    fill(folder, guest("echo"))
    (folder / "tests" / "bad.json").write_text(text)
    assert spell(monkeypatch, "test", ".") == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "bad.json" in said
    assert any(word in said for word in words.split("|"))
