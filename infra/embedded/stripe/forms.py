"""Bodies as Stripe's clients send them: forms whose names hold paths, `a[0][b]=c`."""

import re
from typing import Any
from urllib.parse import parse_qsl

from infra.embedded.stripe.refusal import RefusedError

_PARTS = re.compile(r"[^\[\]]+")
_FIELDS_MAX = 500
_DEPTH_MAX = 8
_LABELS_MAX, _LABEL_NAME_MAX, _LABEL_MAX = 50, 40, 500
_NUMBER_MAX = 99_999_999


def read_form(text: str) -> dict[str, Any]:
    """The values of a form as nested objects; lists where the names are numbers."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS_MAX)
    except ValueError:
        raise RefusedError("The form has too many fields.") from None
    root: dict[str, Any] = {}
    for name, value in pairs:
        *path, last = _PARTS.findall(name) or [name]
        if len(path) > _DEPTH_MAX:
            raise RefusedError("Invalid object: too deep")
        node = root
        for part in path:
            following = node.setdefault(part, {})
            if not isinstance(following, dict):
                raise RefusedError(f"Invalid object: {name}", parameter=name)
            node = following
        node[last] = value
    return {name: _lists(value) for name, value in root.items()}


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(name.isdigit() for name in node):
        return [_lists(node[name]) for name in sorted(node, key=int)]
    return {name: _lists(value) for name, value in node.items()}


def only(values: dict[str, Any], *known: str) -> None:
    """Refuse what the local Stripe does not do, rather than leave it out unsaid."""
    for name in values:
        if name not in known:
            message = f"Received unknown parameter: {name}"
            raise RefusedError(message, error_code="parameter_unknown", parameter=name)


def natural(values: dict[str, Any], name: str, *, most: int = _NUMBER_MAX) -> int:
    """A positive integer of a form; of an amount, eight digits at most, as Stripe takes it."""
    text = str(values.get(name, ""))
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    if not digits or not 0 < int(text) <= most:
        message = f"Invalid integer: {name}"
        raise RefusedError(message, error_code="parameter_invalid_integer", parameter=name)
    return int(text)


def one_of(values: dict[str, Any], name: str, *known: str) -> str | None:
    """A word of a form, out of those that are known; None when it says nothing."""
    value = values.get(name)
    if value is not None and value not in known:
        raise RefusedError(f"Invalid {name}: must be one of {', '.join(known)}", parameter=name)
    return value


def short(values: dict[str, Any], name: str, most: int) -> str | None:
    """A text of a form with a limit to its length; None when it says nothing."""
    value = values.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > most:
        raise RefusedError(f"Invalid string: {name}: {most} characters at most", parameter=name)
    return value


def labels(values: dict[str, Any]) -> dict[str, str]:
    """The `metadata` of a form, within Stripe's documented limits."""
    given = values.get("metadata") or {}
    if not isinstance(given, dict) or len(given) > _LABELS_MAX:
        message = f"Metadata is an object of {_LABELS_MAX} values at most"
        raise RefusedError(message, parameter="metadata")
    for name in given:
        short(given, name, _LABEL_MAX)
        if len(name) > _LABEL_NAME_MAX:
            message = f"Metadata keys have {_LABEL_NAME_MAX} characters at most"
            raise RefusedError(message, parameter="metadata")
    return given
