"""Where the members of a TOML document stand, so that an error can name its line.

tomllib checks the syntax but keeps no positions. This scanner keeps positions and checks nothing:
it walks the same text in the same order and stops at the first thing that is not TOML, where
tomllib will stop too. It does bound the nesting, which tomllib does not: a dotted key of
ten thousand parts costs it seconds, a deep list its stack.
"""

import re
import tomllib
from bisect import bisect_left
from contextlib import suppress

Path = tuple[str | int, ...]
"""Names and list indexes from the root, as pydantic reports them."""

DEPTH_MAX = 16

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ONE_LINE_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'")
_STRING = re.compile(
    # Up to two quotes more may stand before the closing three: they belong to the text.
    r'"""(?s:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''(?s:.)*?'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
)
_BARE_VALUE = re.compile(r"[^,\]}#\n]+")


class TomlTooDeepError(ValueError):
    """The document nests deeper than any manifest does."""

    def __init__(self, line: int) -> None:
        super().__init__(f"nested deeper than {DEPTH_MAX} levels (line {line})")
        self.line = line


class _NotTomlError(Exception):
    """The text cannot go on like this in TOML."""


def member_lines(source: str) -> dict[Path, int]:
    """The line (from 1) of every table, member and list entry before the first syntax error.

    Raises:
        TomlTooDeepError: something is nested deeper than `DEPTH_MAX`.
    """
    scanner = _Scanner(source)
    with suppress(_NotTomlError):
        scanner.scan()
    return scanner.lines


def line_of(lines: dict[Path, int], path: Path) -> int | None:
    """The line of the member, or of the innermost thing around it that stands in the text."""
    for length in range(len(path), 0, -1):
        line = lines.get(path[:length])
        if line is not None:
            return line
    return None


class _Scanner:
    def __init__(self, source: str) -> None:
        self.lines: dict[Path, int] = {}
        self._source = source
        self._position = 0
        self._newlines = [match.start() for match in re.finditer("\n", source)]
        self._entries: dict[Path, int] = {}
        """How many `[[entries]]` each list of tables has so far."""

    def scan(self) -> None:
        table: Path = ()
        self._skip(_BLANK)
        while self._position < len(self._source):
            if self._ahead("["):
                table = self._header()
            else:
                self._member(table)
            self._skip(_BLANK)

    def _header(self) -> Path:
        line = self._line()
        is_entry = self._ahead("[[")
        self._expect("[[" if is_entry else "[")
        keys = self._keys()
        self._expect("]]" if is_entry else "]")
        path: Path = ()
        for key in keys[:-1]:
            path = self._inside((*path, key))
            self._note_around(path, line)
        path = (*path, keys[-1])
        if is_entry:
            self._note_around(path, line)
            self._entries[path] = self._entries.get(path, 0) + 1
            path = self._inside(path)
        self._note(path, line)
        return path

    def _inside(self, path: Path) -> Path:
        """A header that names a list of tables means its newest entry."""
        entries = self._entries.get(path, 0)
        return (*path, entries - 1) if entries else path

    def _member(self, around: Path) -> None:
        line = self._line()
        path = around
        keys = self._keys()
        for key in keys[:-1]:
            path = (*path, key)
            self._note_around(path, line)
        path = (*path, keys[-1])
        self._note(path, line)
        self._expect("=")
        self._value(path)

    def _keys(self) -> list[str]:
        keys: list[str] = []
        while True:
            if len(keys) == DEPTH_MAX:
                raise TomlTooDeepError(self._line())
            self._skip(_SPACE)
            keys.append(self._key())
            self._skip(_SPACE)
            if not self._ahead("."):
                return keys
            self._expect(".")

    def _key(self) -> str:
        if self._ahead('"') or self._ahead("'"):
            token = self._take(_ONE_LINE_STRING)
            try:
                return str(tomllib.loads(f"key = {token}")["key"])
            except tomllib.TOMLDecodeError as error:
                raise _NotTomlError from error
        return self._take(_BARE_KEY)

    def _value(self, path: Path) -> None:
        self._skip(_SPACE)
        if self._ahead('"') or self._ahead("'"):
            self._take(_STRING)
        elif self._ahead("["):
            self._list(path)
        elif self._ahead("{"):
            self._inline_table(path)
        else:
            self._take(_BARE_VALUE)

    def _list(self, path: Path) -> None:
        self._expect("[")
        self._skip(_BLANK)
        index = 0
        while not self._ahead("]"):
            self._note((*path, index), self._line())
            self._value((*path, index))
            self._separator("]")
            index += 1
        self._expect("]")

    def _inline_table(self, path: Path) -> None:
        self._expect("{")
        self._skip(_BLANK)
        while not self._ahead("}"):
            self._member(path)
            self._separator("}")
        self._expect("}")

    def _separator(self, end: str) -> None:
        self._skip(_BLANK)
        if not self._ahead(end):
            self._expect(",")
            self._skip(_BLANK)

    def _note(self, path: Path, line: int) -> None:
        """Keep where something stands by its own name; this outranks `_note_around`."""
        if len(path) > DEPTH_MAX:
            raise TomlTooDeepError(line)
        self.lines[path] = line

    def _note_around(self, path: Path, line: int) -> None:
        self.lines.setdefault(path, line)

    def _line(self) -> int:
        return bisect_left(self._newlines, self._position) + 1

    def _ahead(self, text: str) -> bool:
        return self._source.startswith(text, self._position)

    def _expect(self, text: str) -> None:
        if not self._ahead(text):
            raise _NotTomlError
        self._position += len(text)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._source, self._position)
        if match is not None:
            self._position = match.end()

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._source, self._position)
        if match is None:
            raise _NotTomlError
        self._position = match.end()
        return match.group()
