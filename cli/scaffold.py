"""`spell new`: a folder that is a spell which greets somebody, in the mode that is asked for."""

import re
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from cli.client import CliError, ExitCode
from cli.context import cli_context
from schema.contracts.plans import Mode
from schema.ids import SpellKey
from schema.packaging.manifest_sections import Person, Repository

_SUFFIX = ".template"
# A leading dot would hide a template from tools that pack and search.
_HIDDEN = "dot-"
_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_NAME_CHARS_MAX = 40


class Language(StrEnum):
    """The languages that there are templates and ways to build for."""

    C = "c"
    ZIG = "zig"
    RUST = "rust"
    JAVASCRIPT = "javascript"
    PYTHON = "python"
    GO = "go"


@dataclass(frozen=True)
class Shape:
    """What a language's module is, and what its makers install first."""

    entry: str
    target: str
    install: str


_CORE, _COMPONENT = ("_start", "wasm32-wasip1"), ("cast", "wasm32-wasip2")
_PIP = "python -m pip install --require-hashes -r requirements.txt"
SHAPES = {
    Language.C: Shape(*_CORE, _PIP),
    Language.ZIG: Shape(*_CORE, _PIP),
    Language.RUST: Shape(*_CORE, "rustup target add wasm32-wasip1"),
    Language.JAVASCRIPT: Shape(*_COMPONENT, "npm ci --ignore-scripts"),
    Language.PYTHON: Shape(*_COMPONENT, _PIP),
    Language.GO: Shape(*_CORE, "go version               # 1.24 or newer"),
}


def new(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="Of the folder: lower-case letters, digits, hyphens.")
    ],
    language: Annotated[
        Language | None, typer.Option(help="What it is written in, with mode service.")
    ] = None,
    mode: Annotated[Mode, typer.Option(help="How it executes.")] = Mode.SERVICE,
    repo: Annotated[
        str | None, typer.Option(help="owner/name of the repository, with mode workflow.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="The spell's key; com.example.NAME by default.")
    ] = None,
    author: Annotated[str, typer.Option(help="Who answers for it.")] = "Your Name",
) -> None:
    """Make a folder with a small spell: source, manifest, schemas, lock file, workflow."""
    cli = cli_context(context)
    words = _words(name, key or f"com.example.{name}", author)
    if mode is Mode.SERVICE:
        parts, more = _service(language, repo)
    else:
        parts, more = _workflow(mode, language, repo or f"your-name/{name}")
    words |= more
    folder = Path(name)
    contents = {
        path: text for part in parts for path, text in _filled(_templates() / part, words).items()
    }
    _write(folder, contents)
    made = {"folder": str(folder), "key": words["@KEY@"], "files": sorted(map(str, contents))}
    cli.output.document(
        made, f"made {folder}/ with {len(contents)} files; next: {folder}/README.md"
    )


def _service(language: Language | None, repo: str | None) -> tuple[list[str], dict[str, str]]:
    """The templates of mode service, and their words."""
    if language is None:
        message = f"--language says what it is written in: {', '.join(Language)}."
        raise CliError(message, ExitCode.USAGE)
    if repo is not None:
        raise CliError("--repo goes only with --mode workflow.", ExitCode.USAGE)
    shape = SHAPES[language]
    return ["every", language.value], {
        "@LANGUAGE@": language.value,
        "@ENTRY@": shape.entry,
        "@TARGET@": shape.target,
        "@INSTALL@": shape.install,
    }


def _workflow(mode: Mode, language: Language | None, repo: str) -> tuple[list[str], dict[str, str]]:
    """The templates of mode workflow, and their words."""
    if mode is Mode.CLONE:
        message = "There is nothing to make for mode clone: a template repository is sold as it is."
        raise CliError(message, ExitCode.USAGE)
    if language is not None:
        message = "--language goes only with --mode service: GitHub Actions builds nothing here."
        raise CliError(message, ExitCode.USAGE)
    _check(Repository, repo, "should be the owner/name of a repository on GitHub")
    return [mode.value], {"@REPO@": repo}


def _words(name: str, key: str, author: str) -> dict[str, str]:
    """What all templates have between at signs. None of it needs quoting anywhere."""
    if _NAME.fullmatch(name) is None or len(name) > _NAME_CHARS_MAX:
        message = f"{name!r} should be up to {_NAME_CHARS_MAX} lower-case letters, digits, hyphens."
        raise CliError(message, ExitCode.USAGE)
    _check(SpellKey, key, "should be a key such as com.acme.resize")
    _check(Person, author, "should be one line of up to 128 characters")
    if '"' in author or "\\" in author:
        raise CliError(f"{author!r} should hold no quotes and no backslashes.", ExitCode.USAGE)
    return {
        "@NAME@": name,
        "@IDENTIFIER@": name.replace("-", "_"),
        "@TITLE@": name.replace("-", " ").capitalize(),
        "@KEY@": key,
        "@AUTHOR@": author,
    }


def _check(kind: Any, text: str, remedy: str) -> None:
    try:
        TypeAdapter(kind).validate_python(text)
    except ValidationError as error:
        raise CliError(f"{text!r} {remedy}.", ExitCode.USAGE) from error


def _templates() -> Traversable:
    return files("cli") / "templates"


def _filled(folder: Traversable, words: dict[str, str], inside: Path = Path()) -> dict[Path, str]:
    found: dict[Path, str] = {}
    for entry in folder.iterdir():
        name = re.sub(f"^{_HIDDEN}", ".", entry.name.removesuffix(_SUFFIX))
        path = inside / _fill(name, words)
        if entry.is_dir():
            found |= _filled(entry, words, path)
        elif entry.name.endswith(_SUFFIX):
            found[path] = _fill(entry.read_text("utf-8"), words)
    return found


def _fill(text: str, words: dict[str, str]) -> str:
    return re.sub("|".join(words), lambda match: words[match.group()], text)


def _write(folder: Path, contents: dict[Path, str]) -> None:
    """Nothing is ever written over: the folder must not be there, or be empty."""
    try:
        folder.mkdir(exist_ok=True)
        if any(folder.iterdir()):
            raise CliError(f"{folder} is not empty: nothing was written.", ExitCode.USAGE)
        for path, text in contents.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}", ExitCode.USAGE) from error
