"""Goal: a new spell's folder is right as it is, and nothing that was there is lost."""

import json
from pathlib import Path

import pytest

from cli.client import ExitCode
from cli.scaffold import Language
from infra.supply_chain.lockfiles.folder import read_lock_files
from schema.contracts.plans import Mode
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


def test_a_new_spell_of_mode_workflow_passes_the_checks_of_the_platform(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--mode", "workflow", "--repo", "acme/hi", "--key", "com.acme.hi")
    assert spell(monkeypatch, "new", "say-hi", *arguments) == 0
    folder = tmp_path / "say-hi"
    manifest = parse_manifest((folder / "manifest.toml").read_bytes())
    assert manifest.modes() == [Mode.WORKFLOW]
    target = manifest.actions()
    assert target is not None
    assert (target.repo, target.workflow) == ("acme/hi", "say-hi.yml")
    files = [path for path in folder.rglob("*") if path.is_file()]
    texts = {path.relative_to(folder).as_posix(): path.read_text() for path in files}
    assert ".github/workflows/say-hi.yml" in texts
    assert [name for name, text in texts.items() if "@NAME@" in text or "@REPO@" in text] == []
    assert spell(monkeypatch, "sbom", "generate", "say-hi") == 0
    assert spell(monkeypatch, "test", "say-hi") == 0
    assert "casts can be dispatched to it" in capsys.readouterr().out
    assert spell(monkeypatch, "build", "say-hi") == ExitCode.USAGE
    assert "no module to build" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("run-name: ${{ inputs.cast_id }}", "run-name: a cast", "needs `run-name:"),
        ("inputs_url:\n        desc", "address:\n        desc", "needs the input inputs_url"),
        ("workflow_dispatch", "push", "needs `on: workflow_dispatch`"),
        ("jobs:", "jobs: [", "is no valid YAML"),
    ],
)
def test_a_workflow_file_that_no_cast_could_be_dispatched_to_does_not_pass(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    old: str,
    new: str,
    says: str,
) -> None:
    assert spell(monkeypatch, "new", "hi", "--mode", "workflow") == 0
    assert spell(monkeypatch, "sbom", "generate", "hi") == 0
    file = tmp_path / "hi" / ".github" / "workflows" / "hi.yml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    capsys.readouterr()
    assert spell(monkeypatch, "--json", "test", "hi") == ExitCode.REFUSED
    findings = json.loads(capsys.readouterr().out)["findings"]
    wrong = [finding["found"] for finding in findings if not finding["passed"]]
    assert any(says in found for found in wrong), wrong


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
        ["hi", "--language", "c", "--repo", "acme/hi"],
        ["hi", "--mode", "workflow", "--language", "c"],
        ["hi", "--mode", "workflow", "--repo", "acme"],
        ["hi", "--mode", "workflow", "--repo", "acme/hi\nx"],
        ["hi", "--mode", "clone"],
        ["hi", "--mode", "batch"],
    ],
)
def test_a_bad_name_language_key_author_mode_or_repository_is_wrong_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str]
) -> None:
    assert spell(monkeypatch, "new", *arguments) == ExitCode.USAGE
    assert list(tmp_path.iterdir()) == []
