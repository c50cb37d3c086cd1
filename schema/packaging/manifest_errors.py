"""From what pydantic and tomllib find wrong to sentences with a field and a line."""

import re
import tomllib
from difflib import get_close_matches
from typing import Any, TypedDict

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schema.errors import SpellError
from schema.packaging.toml_lines import Path, line_of

ERRORS_MAX = 100
FIELD_CHARS_MAX = 120


class FieldError(TypedDict):
    """One error of a manifest: an entry of `details.errors` of MANIFEST_INVALID."""

    line: int | None
    field: str
    message: str


_SENTENCES = {
    "missing": "is required",
    "string_type": "must be a text in quotes",
    "int_type": "must be a whole number without quotes",
    "int_from_float": "must be a whole number",
    "list_type": "must be a list",
    "model_type": "must be a section",
    "model_attributes_type": "must be a section",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_long": "must have at most {max_length} entries",
    "value_error": "{error}",
}
# What the patterns of schema/ids.py and schema/money.py ask for, in words.
_PATTERNS = {
    "spell.key": "must be dotted lower-case names, such as com.acme.resize",
    "spell.version": "must be a semantic version, such as 1.2.3 or 1.2.3-beta.1",
    "pricing.currency": "must be a currency code of three capital letters, such as USD",
}
_PRICES: tuple[Path, ...] = (("pricing",), ("execution", "clone", "pricing"))
_PRICE_MODELS = "'flat', 'metered', 'one_time' or 'free'"
_SYNTAX_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def manifest_invalid(errors: list[FieldError]) -> SpellError:
    """The refusal that lists every error, in the order of the lines."""
    ordered = sorted(errors, key=lambda error: (error["line"] or 0, error["field"]))
    first = ordered[0]
    place = f"line {first['line']}, " if first["line"] else ""
    named = f"{first['field']} " if first["field"] else ""
    more = f" (and {len(ordered) - 1} more)" if len(ordered) > 1 else ""
    return SpellError(
        "MANIFEST_INVALID",
        f"manifest.toml: {place}{named}{first['message']}{more}.",
        details={"errors": ordered[:ERRORS_MAX]},
    )


def syntax_error(error: tomllib.TOMLDecodeError, text: str) -> FieldError:
    """A TOML syntax error; the line is only in tomllib's sentence."""
    sentence = str(error)
    match = _SYNTAX_PLACE.search(sentence)
    line = None
    if match is not None:
        line = int(match[1]) if match[1] else text.rstrip("\n").count("\n") + 1
        sentence = sentence[: match.start()]
    return FieldError(line=line, field="", message=f"is not TOML: {sentence}")


def section_errors(
    error: ValidationError, known: dict[Path, list[str]], lines: dict[Path, int]
) -> list[FieldError]:
    """Every error of the model.

    `known` has the member names of each section, by pydantic's own paths, for suggestions.
    """
    return [
        _section_error(details, known, lines)
        for details in error.errors(include_url=False, include_input=False)
    ]


def field_error(path: Path, message: str, lines: dict[Path, int]) -> FieldError:
    """An error at a member, or at the section that should hold it."""
    return FieldError(line=line_of(lines, path), field=_field(path), message=message)


def _section_error(
    details: ErrorDetails, known: dict[Path, list[str]], lines: dict[Path, int]
) -> FieldError:
    path: Path = details["loc"]
    for price in _PRICES:
        if path[: len(price)] == price:
            # In the union of prices, pydantic puts the price model's name into the path.
            path = price + path[len(price) + 1 :]
            if details["type"].startswith("union_tag"):
                return field_error((*price, "model"), f"must be {_PRICE_MODELS}", lines)
    if details["type"] == "extra_forbidden":
        message = _unknown_member(str(path[-1]), known.get(details["loc"][:-1], []))
    else:
        message = _sentence(details, _field(path))
    return field_error(path, message, lines)


def _sentence(details: ErrorDetails, field: str) -> str:
    kind = details["type"]
    context: dict[str, Any] = details.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(field, details["msg"])
    if kind in _SENTENCES:
        return _SENTENCES[kind].format(**context)
    return details["msg"]


def _unknown_member(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    if close:
        return f"is unknown here: did you mean {close[0]}?"
    return f"is unknown here: known are {', '.join(known)}" if known else "is unknown here"


def _field(path: Path) -> str:
    """`metadata.tags[3]`, cut to a length that a log line bears."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text if len(text) <= FIELD_CHARS_MAX else text[: FIELD_CHARS_MAX - 1] + "…"
