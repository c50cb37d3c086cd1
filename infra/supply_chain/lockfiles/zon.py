"""ZON, Zig's object notation, as far as `build.zig.zon` uses it.

https://ziglang.org/documentation/master/#ZON. Structs become dicts, tuples lists; numbers and
characters stay text, because nothing here counts with them.
"""

import json
import re
from typing import Any

DEPTH_MAX = 32

_BLANK = re.compile(r"(?:\s|//[^\n]*)*")
_NAME = re.compile(r'\.(?:(?P<bare>[A-Za-z_][A-Za-z0-9_]*)|@(?P<quoted>"(?:[^"\\\n]|\\.)*"))')
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_LINES = re.compile(r"(?:\\\\[^\n]*\n\s*)+")
_OTHER = re.compile(r"[-+0-9A-Za-z_.']+")


class ZonError(ValueError):
    """The text is not ZON; `line` says where."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def parse_zon(text: str) -> Any:
    """The value of a ZON document.

    Raises:
        ZonError: it is none, or nested deeper than `DEPTH_MAX`.
    """
    parser = _Parser(text)
    value = parser.value(0)
    parser.end()
    return value


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def value(self, depth: int) -> Any:
        if depth > DEPTH_MAX:
            raise self._error("is nested too deep")
        self._skip()
        if self._text.startswith(".{", self._at):
            self._at += 2
            return self._members(depth)
        for pattern, read in ((_STRING, _unquoted), (_LINES, _joined), (_NAME, _bare)):
            match = pattern.match(self._text, self._at)
            if match is not None:
                self._at = match.end()
                return read(match)
        return self._take(_OTHER, "a value").group()

    def end(self) -> None:
        self._skip()
        if self._at != len(self._text):
            raise self._error("goes on after its end")

    def _members(self, depth: int) -> dict[str, Any] | list[Any]:
        named: dict[str, Any] = {}
        listed: list[Any] = []
        while not self._ahead("}"):
            name = self._member_name()
            value = self.value(depth + 1)
            if name is None:
                listed.append(value)
            else:
                named[name] = value
            if not self._ahead(",") and not self._is_next("}"):
                raise self._error("a comma or a closing brace is missing")
        return named or listed

    def _member_name(self) -> str | None:
        """`.name =`, or None before a value."""
        begun = self._at
        match = _NAME.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
            if self._ahead("="):
                return _bare(match)
        self._at = begun
        return None

    def _ahead(self, text: str) -> bool:
        """Whether the text comes next; it is passed over then."""
        found = self._is_next(text)
        self._at += len(text) if found else 0
        self._skip()
        return found

    def _is_next(self, text: str) -> bool:
        self._skip()
        return self._text.startswith(text, self._at)

    def _skip(self) -> None:
        match = _BLANK.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _take(self, pattern: re.Pattern[str], what: str) -> re.Match[str]:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise self._error(f"{what} is missing")
        self._at = match.end()
        return match

    def _error(self, message: str) -> ZonError:
        return ZonError(self._text.count("\n", 0, self._at) + 1, message)


def _unquoted(match: re.Match[str]) -> str:
    return _text_of(match.group())


def _text_of(quoted: str) -> str:
    r"""Zig's escapes are JSON's but for `\x`, `\u{…}` and `\'`, which stay as they are."""
    try:
        return str(json.loads(quoted, strict=False))
    except ValueError:
        return quoted[1:-1]


def _joined(match: re.Match[str]) -> str:
    lines = match.group().split("\n")
    return "\n".join(line.strip().removeprefix("\\\\") for line in lines if line.strip())


def _bare(match: re.Match[str]) -> str:
    return match["bare"] or _text_of(match["quoted"])
