"""Bodies as Stripe's clients send them: forms whose names hold paths, `a[0][b]=c`."""

import re
from typing import Any
from urllib.parse import parse_qsl

from infra.embedded.stripe.refusal import RefusedError

_PARTS = re.compile(r"[^\[\]]+")
_FIELDS_MAX = 500


def read_form(text: str) -> dict[str, Any]:
    """The values of a form as nested objects; lists where the names are numbers."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS_MAX)
    except ValueError:
        raise RefusedError("The form has too many fields.") from None
    root: dict[str, Any] = {}
    for name, value in pairs:
        *path, last = _PARTS.findall(name) or [name]
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
            raise RefusedError(message, code="parameter_unknown", parameter=name)


def natural(values: dict[str, Any], name: str) -> int:
    """A positive integer of a form."""
    text = str(values.get(name, ""))
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:13]) < 10**12:
        message = f"Invalid integer: {name}"
        raise RefusedError(message, code="parameter_invalid_integer", parameter=name)
    return int(text)
