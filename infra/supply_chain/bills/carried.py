"""What a format has no place for travels as JSON in a property or an annotation of ours.

The writer writes what the format can say, reads that back, and carries what was lost. A reader
only fills in what the format's own members leave open, so that a document never says one thing to
us and another to everybody else.
"""

import json
from typing import Any

from pydantic import ValidationError

from schema.canonical import JsonRefusedError, parse_json
from schema.contracts.bill import Bill, Component

MARK = "spell-platform:carried"
"""Name of the property, and beginning of the annotation's comment."""

_SINGLE = ("group", "version", "purl", "supplier", "license_declared", "license_concluded")
_LISTS = ("depends_on", "provides")
_OF_BILL = ("name", "serial", "created_at", "root")
# Formats make these up when a bill has none, or bend them to their notation.
_FREE = ("name", "created_at")


def lost_component(component: Component, seen: Component) -> dict[str, Any]:
    """What `seen`, read back from a document, does not say of the component."""
    lost: dict[str, Any] = {
        name: getattr(component, name)
        for name in _SINGLE
        if getattr(seen, name) is None and getattr(component, name) is not None
    }
    for name in _LISTS:
        refs = [ref for ref in getattr(component, name) if ref not in getattr(seen, name)]
        lost |= {name: refs} if refs else {}
    hashes = {key: value for key, value in component.hashes.items() if key not in seen.hashes}
    lost |= {"hashes": hashes} if hashes else {}
    return lost | ({"kind": component.kind.value} if component.kind is not seen.kind else {})


def restored_component(seen: Component, carried: dict[str, Any]) -> Component:
    """The component with what was carried; as it was seen when a stranger made that up."""
    changes = {
        name: carried[name] for name in _SINGLE if name in carried and getattr(seen, name) is None
    }
    try:
        for name in _LISTS:
            changes[name] = list(dict.fromkeys([*getattr(seen, name), *carried.get(name, [])]))
        changes["hashes"] = {**carried.get("hashes", {}), **seen.hashes}
        changes["kind"] = carried.get("kind", seen.kind)
        return Component.model_validate(seen.model_dump() | changes)
    except (ValidationError, TypeError):
        return seen


def lost_bill(bill: Bill, seen: dict[str, Any]) -> dict[str, Any]:
    """What a document's own members do not say of the bill."""
    return {name: getattr(bill, name) for name in _OF_BILL if getattr(bill, name) != seen[name]}


def restored_bill(seen: dict[str, Any], carried: dict[str, Any]) -> dict[str, Any]:
    """The members of a bill with what was carried; what it is about is never changed."""
    return seen | {
        name: carried[name]
        for name in _OF_BILL
        if name in carried and (name in _FREE or seen[name] is None)
    }


def packed(carried: dict[str, Any]) -> str:
    """The text that travels."""
    return json.dumps(carried, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def unpacked(text: Any) -> dict[str, Any]:
    """What travelled; nothing when it is not ours."""
    try:
        found = parse_json(text) if isinstance(text, str) else None
    except JsonRefusedError:
        return {}
    return found if isinstance(found, dict) else {}
