"""Canonical JSON (RFC 8785): one byte string per value, so that digests mean something.

The canonical bytes of a cast's inputs are exactly what the spell reads on stdin.
"""

import json
import math
import re
from typing import Any

import rfc8785

JSON_DEPTH_MAX = 64
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class JsonRefusedError(ValueError):
    """The text is not JSON that the platform accepts; the message says why."""


def parse_json(text: bytes | str) -> Any:
    """Parse strict JSON, in time proportional to the text.

    UTF-8 without a byte order mark, no duplicate names, no NaN or Infinity, no broken characters,
    at most 64 levels deep.

    Raises:
        JsonRefusedError: with a sentence that a caller can act on.
    """
    try:
        # Left to itself, json.loads guesses UTF-16 and UTF-32 from the bytes.
        plain = text.decode("utf-8") if isinstance(text, bytes) else text
        value = json.loads(
            plain,
            object_pairs_hook=_unique_names,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except JsonRefusedError:
        raise
    except RecursionError as error:
        raise JsonRefusedError(f"nested deeper than {JSON_DEPTH_MAX} levels") from error
    except UnicodeDecodeError as error:
        raise JsonRefusedError(f"not valid UTF-8 at byte {error.start}") from error
    except ValueError as error:
        raise JsonRefusedError(f"not valid JSON: {error}") from error
    if _SURROGATE.search(plain):
        _check_characters(value)
    _check_depth(value)
    return value


def canonical_json(value: Any) -> bytes:
    """RFC 8785 bytes of a JSON value.

    Raises:
        JsonRefusedError: a number cannot be kept exactly (I-JSON: integers within ±(2^53-1)), or
            a string is not well-formed Unicode.
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        raise JsonRefusedError(f"has no canonical form (RFC 8785): {error}") from error


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise JsonRefusedError(f"the name {name[:64]!r} appears twice in one object")
        members[name] = value
    return members


def _no_constant(name: str) -> Any:
    raise JsonRefusedError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise JsonRefusedError(f"the number {text[:32]} is too large")
    return number


def _check_characters(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise JsonRefusedError("a text holds half of a surrogate pair") from error


def _check_depth(value: Any) -> None:
    level: list[Any] = [value]
    for _ in range(JSON_DEPTH_MAX):
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise JsonRefusedError(f"nested deeper than {JSON_DEPTH_MAX} levels")


def _children(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []
