"""Whether a version is in a range: the evaluation of OSV's schema (ossf.github.io/osv-schema).

`introduced` takes its version in, `fixed` lets its own version out, `last_affected` lets out what
is above its own, and nothing from a `limit` on is in. `introduced: "0"` is before every version.
"""

from collections.abc import Iterable, Sequence
from functools import cmp_to_key
from typing import Any

from infra.supply_chain.advisories.versions import Scheme, read_version

Event = tuple[str, str]
"""(`introduced` | `fixed` | `last_affected` | `limit`, version)."""

# At one version: what ends there ends first, and what begins there still counts.
_AT_ONCE = {"fixed": 0, "introduced": 1, "last_affected": 2}
_FIRST = "0"


def in_range(scheme: Scheme, events: Sequence[Event], version: str) -> bool:
    """Whether the version is in the range.

    Raises:
        UnreadableVersionError: one of the versions has no order, so nobody can say.
    """
    wanted = read_version(scheme, version)
    if not _below_limits(scheme, events, wanted):
        return False
    inside = False
    for kind, bound in _sorted(scheme, events):
        if kind == "introduced" and (bound is None or not wanted < bound):
            inside = True
        elif (kind == "fixed" and not wanted < bound) or (
            kind == "last_affected" and bound < wanted
        ):
            inside = False
    return inside


def fixes_above(
    scheme: Scheme, ranges: Iterable[tuple[Scheme, Sequence[Event]]], version: str
) -> list[str]:
    """The versions, in their order, that a component of this version can be brought to.

    Raises:
        UnreadableVersionError: the version has no order.
    """
    wanted = read_version(scheme, version)
    found = {
        text: read_version(own, text)
        for own, events in ranges
        if own is scheme
        for kind, text in events
        if kind == "fixed" and wanted < read_version(own, text)
    }
    return [text for text, _ in sorted(found.items(), key=cmp_to_key(_compare_texts))]


def _below_limits(scheme: Scheme, events: Sequence[Event], wanted: Any) -> bool:
    limits = [text for kind, text in events if kind == "limit" and text != "*"]
    return not limits or any(wanted < read_version(scheme, text) for text in limits)


def _sorted(scheme: Scheme, events: Sequence[Event]) -> list[tuple[str, Any]]:
    """The events with their versions read, in order; None is before every version."""
    read = [
        (kind, None if kind == "introduced" and text == _FIRST else read_version(scheme, text))
        for kind, text in events
        if kind in _AT_ONCE
    ]
    return sorted(read, key=cmp_to_key(_compare_events))


def _compare_events(one: tuple[str, Any], other: tuple[str, Any]) -> int:
    if one[1] is None or other[1] is None:
        return (other[1] is None) - (one[1] is None)
    return _compare(one[1], other[1]) or _AT_ONCE[one[0]] - _AT_ONCE[other[0]]


def _compare_texts(one: tuple[str, Any], other: tuple[str, Any]) -> int:
    return _compare(one[1], other[1])


def _compare(one: Any, other: Any) -> int:
    if one < other:
        return -1
    return 1 if other < one else 0
