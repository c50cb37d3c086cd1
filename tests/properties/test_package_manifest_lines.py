"""The line locator on generated TOML: it finds every member where the generator wrote it."""

import tomllib
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.errors import SpellError
from schema.manifest import parse_manifest
from schema.packaging.toml_lines import Path, TomlTooDeepError, member_lines

# Texts full of what means something elsewhere in TOML.
texts = st.text(st.sampled_from("ab =[]{}#.,\"'\\\né\t"), max_size=12)
names = st.text(st.sampled_from("ab1-_"), min_size=1, max_size=4) | st.text(
    st.sampled_from("a.b =[]#\"'\\é "), max_size=6
)
scalars = st.one_of(
    st.integers(-(2**40), 2**40),
    st.booleans(),
    st.floats(allow_nan=False),
    texts,
)


@dataclass
class Writer:
    """Writes TOML in a style drawn at random and notes the line of everything it writes."""

    draw: st.DrawFn
    text: str = ""
    lines: dict[Path, int] = field(default_factory=dict)

    def note(self, path: Path) -> None:
        self.lines[path] = self.text.count("\n") + 1

    def one_of(self, *choices: str) -> str:
        return self.draw(st.sampled_from(choices))

    def key(self, name: str) -> None:
        is_bare = name != "" and all(c.isascii() and (c.isalnum() or c in "-_") for c in name)
        if is_bare and self.draw(st.booleans()):
            self.text += name
        elif "'" not in name and self.draw(st.booleans()):
            self.text += f"'{name}'"
        else:
            self.text += '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def member(self, around: Path, name: str, value: Any) -> None:
        self.note((*around, name))
        self.key(name)
        self.text += self.one_of("=", " = ", "\t=")
        self.value((*around, name), value)

    def value(self, path: Path, value: Any) -> None:
        if isinstance(value, dict):
            self.inline_table(path, value)
        elif isinstance(value, list):
            self.list(path, value)
        elif isinstance(value, str):
            self.string(value)
        elif isinstance(value, bool):
            self.text += "true" if value else "false"
        else:
            self.text += repr(value)

    def string(self, value: str) -> None:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        styles = ['"' + escaped.replace("\n", "\\n") + '"', '"""' + escaped + '"""']
        styles.append('"""\n' + escaped + '"""')
        if "'" not in value:
            styles.append("'''\n" + value + "'''")
            if "\n" not in value:
                styles.append(f"'{value}'")
        self.text += self.one_of(*styles)

    def list(self, path: Path, entries: list[Any]) -> None:
        self.text += "["
        for index, entry in enumerate(entries):
            self.text += self.one_of("", " ", "\n", ' # ] "\n  ', "\n\n")
            self.note((*path, index))
            self.value((*path, index), entry)
            self.text += self.one_of("", " ", "\n") + ","
        self.text += self.one_of("", " ", "\n # [\n") + "]"

    def inline_table(self, path: Path, members: dict[str, Any]) -> None:
        self.text += "{"
        for number, (name, value) in enumerate(members.items()):
            self.text += " " if number == 0 else ", "
            self.member(path, name, value)
        self.text += " }"

    def table(self, path: Path, members: dict[str, Any]) -> None:
        for name, value in members.items():
            self.text += self.one_of("", "\n", "# x = [\n", "  ")
            self.member(path, name, value)
            self.text += self.one_of("\n", ' # \' """\n', "\r\n")


values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
members = st.dictionaries(names, values, max_size=4)


@st.composite
def documents(draw: st.DrawFn) -> Writer:
    writer = Writer(draw)
    root = draw(members)
    writer.table((), root)
    for section, content in draw(st.dictionaries(names, members, max_size=3)).items():
        if section in root:
            continue
        writer.note((section,))
        writer.text += writer.one_of("[", "[ ")
        writer.key(section)
        writer.text += writer.one_of("]\n", " ] # [\n")
        writer.table((section,), content)
    return writer


def paths_of(value: Any, path: Path = ()) -> set[Path]:
    children: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    found = {path} if path else set()
    for step, child in children:
        found |= paths_of(child, (*path, step))
    return found


@given(documents())
@settings(max_examples=300, deadline=None)
def test_every_member_is_found_on_the_line_it_was_written_on(written: Writer) -> None:
    document = tomllib.loads(written.text)
    found = member_lines(written.text)
    assert found == written.lines
    assert set(found) == paths_of(document)


@given(st.text(st.sampled_from("ab.=[]{}#,\"'\\\n 1"), max_size=60))
@settings(max_examples=500, deadline=None)
def test_any_text_ends_the_scan_and_toml_is_found_whole(text: str) -> None:
    try:
        found = member_lines(text)
    except TomlTooDeepError:
        return
    try:
        document = tomllib.loads(text)
    except ValueError:
        return
    assert set(found) == paths_of(document)
    assert all(1 <= line <= text.count("\n") + 1 for line in found.values())


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8")))
@settings(deadline=None)
def test_arbitrary_bytes_are_only_ever_refused(source: bytes) -> None:
    with pytest.raises(SpellError, match="MANIFEST_INVALID") as caught:
        parse_manifest(source)
    assert caught.value.details["errors"]
