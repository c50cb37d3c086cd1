"""A large CycloneDX document as several small ones that are valid together when it is.

The schema asks for unique items, and the validator compares each with each: 10,000 components take
minutes in one piece, and seconds in pieces whose uniqueness is checked here.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

PIECE_ITEMS_MAX = 250
_LISTS = ("components", "services", "dependencies")
_HEAD = ("$schema", "bomFormat", "specVersion")


@dataclass(frozen=True)
class Piece:
    """A document with a part of one list, and how many items come before that part."""

    document: dict[str, Any]
    name: str = ""
    before: int = 0


def pieces_of(document: dict[str, Any]) -> Iterator[Piece]:
    """The document with the beginnings of its lists, then the rest of each list."""
    long = [
        name
        for name in _LISTS
        if isinstance(document.get(name), list) and len(document[name]) > PIECE_ITEMS_MAX
    ]
    yield Piece(document | {name: document[name][:PIECE_ITEMS_MAX] for name in long})
    head = {name: document[name] for name in _HEAD if name in document}
    for name in long:
        for before in range(PIECE_ITEMS_MAX, len(document[name]), PIECE_ITEMS_MAX):
            part = document[name][before : before + PIECE_ITEMS_MAX]
            yield Piece(head | {"version": 1, name: part}, name, before)


def repeated_items(document: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Where a list of the document holds an item for the second time."""
    for name in _LISTS:
        items = document.get(name)
        seen = set()
        for index, item in enumerate(items if isinstance(items, list) else []):
            text = json.dumps(item, sort_keys=True)
            if text in seen:
                yield name, index
            seen.add(text)
