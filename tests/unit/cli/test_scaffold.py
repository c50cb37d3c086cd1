"""Goal: a new spell's folder is right as it is, and nothing that was there is lost."""

import json
from pathlib import Path

import pytest

from cli.client import ExitCode
from cli.scaffold import Language
from infra.supply_chain.lockfiles.folder import read_lock_files
from schema.contracts.run import Target
from schema.manifest import parse_manifest
from tests.support.command import spell


@pytest.fixture(autouse=True)
def _somewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("language", Language)
def test_a_new_spell_has_a_manifest_schemas_source_and_lock_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, language: Language
) -> None:
    arguments = ("--language", language.value, "--key", "com.acme.hi", "--author", "Acme, Inc.")
    assert spell(monkeypatch, "new", "say-hi", *arguments) == 0
    folder = tmp_path / "say-hi"
    manifest = parse_manifest((folder / "manifest.toml").read_bytes())
    assert (manifest.spell.key, manifest.spell.author) == ("com.acme.hi", "Acme, Inc.")
    assert manifest.runtime is not None
    assert manifest.runtime.language == language.value
    assert manifest.runtime.target in Target
    assert manifest.supply_chain.sbom == "sbom.cdx.json"
    assert set(json.loads((folder / "schema.json").read_text())) == {"input", "output"}
    read_lock_files(folder)
    texts = {p: p.read_text() for p in folder.rglob("*") if p.is_file()}
    assert folder / ".gitignore" in texts
    assert folder / ".github" / "workflows" / "publish.yml" in texts
    assert [str(p) for p, text in texts.items() if "@NAME@" in text or "@KEY@" in text] == []
    assert [str(p) for p in texts if p.suffix == ".template" or p.name.startswith("dot-")] == []


@pytest.mark.parametrize(
    ("language", "component"),
    [
        (Language.PYTHON, "pkg:pypi/componentize-py@0.25.1"),
        (Language.JAVASCRIPT, "pkg:npm/componentize-qjs@0.4.5"),
        (Language.C, "pkg:pypi/ziglang@0.17.0"),
        (Language.ZIG, "pkg:pypi/ziglang@0.17.0"),
        (Language.GO, "pkg:golang/stdlib@1.27.3"),
    ],
)
def test_a_compiler_that_leaves_code_in_the_module_is_in_the_bill(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, language: Language, component: str
) -> None:
    assert spell(monkeypatch, "new", "hi", "--language", language.value) == 0
    assert spell(monkeypatch, "sbom", "generate", "hi") == 0
    document = json.loads((tmp_path / "hi" / "sbom.cdx.json").read_text())
    assert component in {found.get("purl") for found in document["components"]}


def test_a_bill_is_written_in_spdx_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert spell(monkeypatch, "new", "hi", "--language", "python") == 0
    options = ("--format", "spdx", "-o", "bill.json")
    assert spell(monkeypatch, "sbom", "generate", "hi", *options) == 0
    document = json.loads((tmp_path / "bill.json").read_text())
    assert document["spdxVersion"] == "SPDX-2.3"
    assert "componentize-py" in {package["name"] for package in document["packages"]}
    assert not (tmp_path / "hi" / "sbom.cdx.json").exists()


def test_a_lock_file_that_cannot_be_read_is_refused_by_its_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert spell(monkeypatch, "new", "hi", "--language", "python") == 0
    (tmp_path / "hi" / "requirements.txt").write_text("six\n")
    assert spell(monkeypatch, "sbom", "generate", "hi") == ExitCode.REFUSED
    assert "requirements.txt:1: six is not pinned" in capsys.readouterr().err
    assert not (tmp_path / "hi" / "sbom.cdx.json").exists()


def test_nothing_is_written_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("keep me")
    assert spell(monkeypatch, "new", "mine", "--language", "c") == ExitCode.USAGE
    assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["../up", "--language", "c"],
        ["Hi", "--language", "c"],
        ["a/b", "--language", "c"],
        ["x" * 41, "--language", "c"],
        ["hi", "--language", "cobol"],
        ["hi", "--language", "c", "--key", "no-dots"],
        ["hi", "--language", "c", "--author", 'A "B"'],
        ["hi", "--language", "c", "--author", "A\nB"],
        ["hi", "--language", "c", "--author", "C:\\"],
        ["hi"],
    ],
)
def test_a_bad_name_language_key_or_author_is_wrong_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str]
) -> None:
    assert spell(monkeypatch, "new", *arguments) == ExitCode.USAGE
    assert list(tmp_path.iterdir()) == []
