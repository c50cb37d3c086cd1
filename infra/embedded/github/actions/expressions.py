"""The part of GitHub's expression language that `run-name` wants.

Literals, contexts (`inputs.x`, `github.event.client_payload['x']`), `||`, `&&`, `!`, `==`, `!=`,
parentheses, and the functions `format`, `contains`, `startsWith` and `toJSON`.
Source: https://docs.github.com/actions/reference/workflows-and-actions/expressions
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

# Braces inside a quoted text end nothing.
_HOLE = re.compile(r"\$\{\{((?:'[^']*'|[^'])*?)\}\}")
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_][\w-]*)|(?P<sign>\|\||&&|==|!=|[!().,\[\]]))"
)
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None}


class ExpressionError(ValueError):
    """The expression is not of the part that is understood here."""


def fill(template: str, contexts: Mapping[str, Any]) -> str:
    """The template with every `${{ … }}` replaced by its value.

    Args:
        template: for example a `run-name`.
        contexts: `inputs` and `github`, as nested mappings.

    Raises:
        ExpressionError: an expression is malformed, or uses what is not understood.
    """
    return _HOLE.sub(lambda hole: as_text(evaluate(hole[1], contexts)), template)


def evaluate(expression: str, contexts: Mapping[str, Any]) -> Any:
    """The value of one expression, without its braces. Raises ExpressionError."""
    parser = _Parser(_tokens(expression), contexts)
    value = parser.either()
    parser.expect_end()
    return value


def as_text(value: Any) -> str:
    """A value as GitHub writes it into text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return "Object" if isinstance(value, dict) else "Array"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _tokens(expression: str) -> list[tuple[str, str]]:
    found, position, text = [], 0, expression.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise ExpressionError(f"Unexpected symbol at {position} of {expression!r}.")
        found.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return found


class _Parser:
    """Recursive descent; evaluates as it reads, for nothing here has an effect."""

    def __init__(self, tokens: list[tuple[str, str]], contexts: Mapping[str, Any]) -> None:
        self._tokens = tokens
        self._contexts = contexts
        self._at = 0

    def expect_end(self) -> None:
        if self._at != len(self._tokens):
            raise ExpressionError("The expression goes on after its end.")

    def either(self) -> Any:
        value = self._both()
        while self._took("||"):
            other = self._both()
            value = value or other
        return value

    def _both(self) -> Any:
        value = self._comparison()
        while self._took("&&"):
            other = self._comparison()
            value = value and other
        return value

    def _comparison(self) -> Any:
        value = self._operand()
        if self._took("=="):
            return _alike(value, self._operand())
        if self._took("!="):
            return not _alike(value, self._operand())
        return value

    def _operand(self) -> Any:
        if self._took("!"):
            return not self._operand()
        if self._took("("):
            value = self.either()
            self._must("(", ")")
            return value
        kind, token = self._next()
        if kind == "text":
            return token[1:-1].replace("''", "'")
        if kind == "number":
            return float(token) if "." in token else int(token)
        if kind != "name":
            raise ExpressionError(f"Unexpected {token!r}.")
        return self._named(token)

    def _named(self, name: str) -> Any:
        if name in _WORDS:
            return _WORDS[name]
        if self._took("("):
            return self._call(name)
        value = self._contexts.get(name)
        while True:
            if self._took("."):
                value = _member(value, self._next()[1])
            elif self._took("["):
                value = _member(value, self.either())
                self._must("[", "]")
            else:
                return value

    def _call(self, name: str) -> Any:
        arguments: list[Any] = []
        while not self._took(")"):
            if arguments:
                self._must(name, ",")
            arguments.append(self.either())
        function = _FUNCTIONS.get(name.lower())
        if function is None:
            raise ExpressionError(f"The function {name} is not understood here.")
        try:
            return function(*arguments)
        except (TypeError, IndexError) as error:
            raise ExpressionError(f"{name}: {error}") from None

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise ExpressionError("The expression ends too early.")
        self._at += 1
        return self._tokens[self._at - 1]

    def _took(self, sign: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == ("sign", sign):
            self._at += 1
            return True
        return False

    def _must(self, after: str, sign: str) -> None:
        if not self._took(sign):
            raise ExpressionError(f"{sign!r} is missing after {after!r}.")


def _member(value: Any, key: Any) -> Any:
    if isinstance(value, Mapping):
        return value.get(str(key))
    if isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
        return value[key]
    return None


def _alike(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    return bool(left == right)


def _format(template: str, *values: Any) -> str:
    def put(hole: re.Match[str]) -> str:
        return {"{{": "{", "}}": "}"}.get(hole[0]) or as_text(values[int(hole[1])])

    return re.sub(r"\{\{|\}\}|\{(\d+)\}", put, template)


def _contains(where: Any, what: Any) -> bool:
    if isinstance(where, list):
        return any(_alike(item, what) for item in where)
    return as_text(what).casefold() in as_text(where).casefold()


def _starts_with(where: Any, what: Any) -> bool:
    return as_text(where).casefold().startswith(as_text(what).casefold())


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "format": _format,
    "contains": _contains,
    "startswith": _starts_with,
    "tojson": lambda value: json.dumps(value, indent=2),
}
