"""Goal: `spell build` says what went wrong, and leaves nothing running. Method: other compilers."""

import json
import os
import time
from pathlib import Path

import pytest

from cli.client import ExitCode
from cli.scaffold import Language
from tests.support.command import spell
from tests.support.e2e_packages import says


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The only folder on PATH but for the shell's own; this Python brings no compiler."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr("cli.toolchains.find_spec", lambda _: None)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    return programs


def program(path: Path, name: str, script: str) -> None:
    file = path / name
    file.write_text(f"#!/bin/sh\nexport PATH=/usr/bin:/bin\n{script}\n")
    file.chmod(0o755)


@pytest.mark.parametrize("language", Language)
def test_without_a_compiler_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], language: Language
) -> None:
    assert spell(monkeypatch, "new", "hi", "--language", language.value) == 0
    assert spell(monkeypatch, "build", "hi") == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "No compiler for" in said
    assert "What to do: " in said


def test_rust_without_its_target_is_told_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(path, "cargo", "exit 9")
    program(path, "rustc", "echo /no/such/folder")
    assert spell(monkeypatch, "new", "hi", "--language", "rust") == 0
    assert spell(monkeypatch, "build", "hi") == ExitCode.USAGE
    assert "rustup target add wasm32-wasip1" in capsys.readouterr().err


def test_a_module_and_its_bill_are_made(
    monkeypatch: pytest.MonkeyPatch, path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "made.wasm").write_bytes(says())
    program(path, "zig", f"cp {tmp_path / 'made.wasm'} spell.wasm")
    assert spell(monkeypatch, "new", "hi", "--language", "c") == 0
    capsys.readouterr()
    assert spell(monkeypatch, "--json", "build", "hi") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["bytes"] == len(says())
    assert said["package_digest"].startswith("sha256:")
    bill = json.loads((tmp_path / "hi" / "sbom.cdx.json").read_text())
    assert "spell.wasm" in {component["name"] for component in bill["components"]}


def test_cargos_module_is_fetched_from_where_cargo_leaves_it(
    monkeypatch: pytest.MonkeyPatch, path: Path, tmp_path: Path
) -> None:
    (tmp_path / "made.wasm").write_bytes(says())
    release = "target/wasm32-wasip1/release"
    program(path, "rustc", f"echo {tmp_path}")
    program(path, "cargo", f"mkdir -p {release} && cp {tmp_path}/made.wasm {release}/hi.wasm")
    assert spell(monkeypatch, "new", "hi", "--language", "rust") == 0
    assert spell(monkeypatch, "build", "hi") == 0
    assert (tmp_path / "hi" / "spell.wasm").read_bytes() == says()


def test_a_failing_compiler_is_quoted(
    monkeypatch: pytest.MonkeyPatch, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(path, "zig", "echo 'main.c:3: no such thing' >&2; exit 7")
    assert spell(monkeypatch, "new", "hi", "--language", "c") == 0
    assert spell(monkeypatch, "build", "hi") == ExitCode.REFUSED
    said = capsys.readouterr().err
    assert "main.c:3: no such thing" in said
    assert "exit code 7" in said


def test_what_a_compiler_says_is_cut(
    monkeypatch: pytest.MonkeyPatch, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(path, "zig", "head -c 1000000 /dev/zero | tr '\\0' x; echo the end; exit 1")
    assert spell(monkeypatch, "new", "hi", "--language", "c") == 0
    assert spell(monkeypatch, "build", "hi") == ExitCode.REFUSED
    said = capsys.readouterr().err
    assert "the end" in said
    assert len(said) < 20_000


def test_a_compiler_that_takes_too_long_ends_with_all_that_it_started(
    monkeypatch: pytest.MonkeyPatch, path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(path, "zig", f"sleep 600 & echo $! > {tmp_path / 'pid'}; wait")
    assert spell(monkeypatch, "new", "hi", "--language", "c") == 0
    assert spell(monkeypatch, "build", "hi", "--timeout-seconds", "2") == ExitCode.REFUSED
    assert "more than 2 s" in capsys.readouterr().err
    pid = int((tmp_path / "pid").read_text())
    patience_ends = time.monotonic() + 10
    while _runs(pid):
        assert time.monotonic() < patience_ends
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    """Whether a process is there that has not ended; one that nobody waited for has."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_compiler_that_makes_nothing_is_told_of(
    monkeypatch: pytest.MonkeyPatch, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(path, "zig", "exit 0")
    assert spell(monkeypatch, "new", "hi", "--language", "c") == 0
    Path("hi/spell.wasm").write_bytes(says())
    assert spell(monkeypatch, "build", "hi") == ExitCode.REFUSED
    assert "made none" in capsys.readouterr().err


def test_a_module_of_another_kind_than_the_manifest_names_is_refused(
    monkeypatch: pytest.MonkeyPatch, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(path, "zig", "printf '\\0asm\\15\\0\\1\\0' > spell.wasm")
    assert spell(monkeypatch, "new", "hi", "--language", "c") == 0
    assert spell(monkeypatch, "build", "hi") == ExitCode.REFUSED
    assert "is a component" in capsys.readouterr().err


def test_a_language_without_a_way_to_build_is_told_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert spell(monkeypatch, "new", "hi", "--language", "c") == 0
    manifest = tmp_path / "hi" / "manifest.toml"
    manifest.write_text(manifest.read_text().replace('language = "c"', 'language = "COBOL"'))
    assert spell(monkeypatch, "build", "hi") == ExitCode.USAGE
    assert "How to build COBOL is not known here" in capsys.readouterr().err
