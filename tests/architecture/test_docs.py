"""Goal: what the documents name is there. Method: read them, look it up."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from cli.main import app
from infra.settings import PlatformSettings
from runner.settings import RunnerSettings
from schema.supply_chain.reasons import REASONS
from tests.architecture.source import DOCS, ROOT, markdown_files, relative

README_LINES_MAX = 250
ADR_PARTS = ("Context", "Decision", "Consequences", "Alternatives", "Enforced by")

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(
    r"^\*\*(?P<word>[^*]+)\*\* — (?P<text>.*?)(?=^\*\*|\Z)", re.MULTILINE | re.DOTALL
)
_CODE_PATH = re.compile(r"Code:\s+`([^`]+)`")
_SETTING = re.compile(r"^\| `(SPELL_[A-Z_]+)` \|", re.MULTILINE)
_SPELL_COMMAND = re.compile(r"^\| `spell ([a-z]+(?: [a-z]+)?)` \|", re.MULTILINE)
_MAKE_TARGET = re.compile(r"(?:`|^|&& )make ([a-z]+)", re.MULTILINE)
_OUTSIDE = ("http://", "https://", "mailto:")


def text_of(path: Path) -> str:
    return path.read_text("utf-8")


def prose_of(path: Path) -> str:
    """A document without its code blocks."""
    return _FENCE.sub("", text_of(path))


def anchors_of(path: Path) -> set[str]:
    """What a fragment may name: explicit ids, and headings as GitHub turns them into ids."""
    prose = prose_of(path)
    headings = re.findall(r"^#{1,6} (.+)$", prose, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)"></a>', prose))


def broken_links(path: Path) -> Iterator[str]:
    for link in _LINK.findall(prose_of(path)):
        if link.startswith(_OUTSIDE):
            continue
        name, _, fragment = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists():
            yield f"{link}: no such file"
        elif fragment and target.suffix == ".md" and fragment not in anchors_of(target):
            yield f"{link}: no such heading"


@pytest.mark.parametrize("path", markdown_files(), ids=relative)
def test_every_link_of_a_document_leads_somewhere(path: Path) -> None:
    assert list(broken_links(path)) == []


def test_the_readme_is_short() -> None:
    assert len(text_of(ROOT / "README.md").splitlines()) <= README_LINES_MAX


def glossary() -> list[tuple[str, str]]:
    text = text_of(DOCS / "glossary.md")
    return [(entry["word"], entry["text"]) for entry in _ENTRY.finditer(text)]


def test_the_glossary_is_in_the_order_of_its_words() -> None:
    words = [word.lower() for word, _ in glossary()]
    assert len(words) > 1
    assert words == sorted(words)


def test_a_word_of_the_glossary_is_there_once() -> None:
    words = [word.lower() for word, _ in glossary()]
    assert len(words) == len(set(words))


@pytest.mark.parametrize("entry", glossary(), ids=lambda entry: entry[0])
def test_a_word_of_the_glossary_leads_to_code_that_exists(entry: tuple[str, str]) -> None:
    paths = _CODE_PATH.findall(entry[1])
    assert paths, "an entry ends with Code: and a path"
    assert [path for path in paths if not (ROOT / path).is_file()] == []


def test_every_setting_is_documented_and_every_documented_one_is_read() -> None:
    documented = _SETTING.findall(text_of(DOCS / "settings.md"))
    read = {
        f"{settings.model_config['env_prefix']}{name}".upper()
        for settings in (PlatformSettings, RunnerSettings)
        for name in settings.model_fields
    }
    assert sorted(documented) == sorted(read | _read_without_settings())


def _read_without_settings() -> set[str]:
    """Variables of the command line and the Makefile, which have no settings class."""
    sources = text_of(ROOT / "cli" / "client.py") + text_of(ROOT / "Makefile")
    return set(re.findall(r"\bSPELL_[A-Z]+(?:_[A-Z]+)*\b", sources))


def test_every_setting_that_any_document_names_is_in_the_reference() -> None:
    documented = set(_SETTING.findall(text_of(DOCS / "settings.md")))
    codes = set(re.findall(r"^## ([A-Z_]+)$", text_of(DOCS / "errors.md"), re.MULTILINE))
    named = {
        f"{relative(path)}: {name}"
        for path in markdown_files()
        for name in re.findall(r"\bSPELL_[A-Z]+(?:_[A-Z]+)*\b(?!_)", text_of(path))
        if name not in documented | codes | set(REASONS)
    }
    assert named == set()


def commands() -> set[str]:
    """`cast`, `keys create` …, as the command itself has them."""
    root = typer.main.get_command(app)
    found = set()
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", None)
        found |= {f"{name} {child}" for child in below} if below else {name}
    return found


def test_every_command_is_documented_and_every_documented_one_exists() -> None:
    documented = _SPELL_COMMAND.findall(text_of(DOCS / "cli.md"))
    assert sorted(documented) == sorted(commands())


def test_every_make_target_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = {
        f"{relative(path)}: make {target}"
        for path in markdown_files()
        if "examples" not in path.parts  # it has a Makefile of its own
        for target in _MAKE_TARGET.findall(text_of(path))
        if target not in targets
    }
    assert named == set()


def adrs() -> list[Path]:
    return sorted((DOCS / "adr").glob("[0-9]*.md"))


def test_decision_records_are_numbered_without_gaps() -> None:
    numbers = [int(path.name[:4]) for path in adrs()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers


@pytest.mark.parametrize("path", adrs(), ids=lambda path: path.stem)
def test_a_decision_record_follows_the_template(path: Path) -> None:
    text = text_of(path)
    assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == ADR_PARTS
    assert text.startswith(f"# {path.name[:4]}: ")
    assert re.search(r"^Date: \d{4}-\d{2}-\d{2}\. Status: ", text, re.MULTILINE)
    quoted = re.search(r"^## Decision\n\n(?:> .+\n)+", text, re.MULTILINE)
    assert quoted, "a decision begins with a line that can be quoted"


@pytest.mark.parametrize("path", adrs(), ids=lambda path: path.stem)
def test_a_decision_record_is_listed(path: Path) -> None:
    assert f"({path.name})" in text_of(DOCS / "adr" / "README.md")


OUR_FOLDERS = {
    *("activities", "api", "bench", "cli", "docs", "infra", "runner", "schema", "tests"),
    *("workflows", "examples"),
}


@pytest.mark.parametrize("path", markdown_files(), ids=relative)
def test_a_file_that_a_document_names_exists(path: Path) -> None:
    spans = re.findall(r"`([a-z_0-9]+(?:/[A-Za-z_0-9.-]+)+)`", prose_of(path))
    ours = [
        span for span in spans if span.split("/")[0] in OUR_FOLDERS and "." in span.split("/")[-1]
    ]
    assert [span for span in ours if not (ROOT / span).exists()] == []
