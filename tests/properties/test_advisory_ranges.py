"""Goal: a range holds what OSV says it holds. Method: ranges made of intervals of whole numbers.

The model never sees events: it knows the intervals, and each version is in one or in none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.supply_chain.advisories.ranges import fixes_above, in_range
from infra.supply_chain.advisories.versions import SCHEMES, UnreadableVersionError

HIGHEST = 40


@dataclass(frozen=True)
class Interval:
    """Affected from `start` to `end`; with `end` itself when it is the last affected version."""

    start: int
    end: int | None
    closed: bool

    def holds(self, number: int) -> bool:
        if number < self.start:
            return False
        return self.end is None or number < self.end or (self.closed and number == self.end)


@st.composite
def intervals(draw: st.DrawFn) -> list[Interval]:
    """Intervals that do not touch, the last maybe without an end."""
    bounds = sorted(draw(st.sets(st.integers(0, HIGHEST), min_size=1, max_size=8)))
    found = [
        Interval(start, end, draw(st.booleans()))
        for start, end in zip(bounds[::2], bounds[1::2], strict=False)
    ]
    if len(bounds) % 2:
        found.append(Interval(bounds[-1], None, closed=False))
    return found


def events_of(found: Sequence[Interval], spell: str) -> list[tuple[str, str]]:
    events = []
    for one in found:
        events.append(("introduced", "0" if one.start == 0 else spell.format(one.start)))
        if one.end is not None:
            kind = "last_affected" if one.closed else "fixed"
            events.append((kind, spell.format(one.end)))
    return events


SPELLINGS = [
    ("PyPI", "{}.0"),
    ("npm", "1.{}.0"),
    ("crates.io", "0.0.{}"),
    ("Go", "v1.{}.0"),
    ("Maven", "1.{}"),
    ("RubyGems", "{}.1"),
    ("NuGet", "1.0.{}"),
    ("Packagist", "v{}.0"),
    ("Debian", "1.{}-1"),
    ("Alpine", "1.{}-r0"),
    ("Red Hat", "1.{}-1.el9"),
]


@pytest.mark.parametrize(("ecosystem", "spell"), SPELLINGS, ids=[name for name, _ in SPELLINGS])
@given(found=intervals(), number=st.integers(0, HIGHEST + 1), data=st.data())
def test_a_version_is_in_a_range_exactly_when_it_is_in_an_interval(
    ecosystem: str, spell: str, found: list[Interval], number: int, data: st.DataObject
) -> None:
    events = data.draw(st.permutations(events_of(found, spell)))
    expected = any(one.holds(number) for one in found)
    assert in_range(SCHEMES[ecosystem], events, spell.format(number)) is expected


@given(found=intervals(), number=st.integers(0, HIGHEST), limit=st.integers(0, HIGHEST))
def test_nothing_from_a_limit_on_is_in(found: list[Interval], number: int, limit: int) -> None:
    events = [*events_of(found, "1.{}.0"), ("limit", f"1.{limit}.0")]
    expected = number < limit and any(one.holds(number) for one in found)
    assert in_range(SCHEMES["npm"], events, f"1.{number}.0") is expected


@given(found=intervals(), number=st.integers(0, HIGHEST))
def test_fixes_are_above_the_version_in_order_and_outside_of_the_range(
    found: list[Interval], number: int
) -> None:
    scheme, events = SCHEMES["PyPI"], events_of(found, "{}.0")
    fixes = fixes_above(scheme, [(scheme, events)], f"{number}.0")
    numbers = [int(text.partition(".")[0]) for text in fixes]
    assert numbers == sorted(set(numbers))
    assert all(fix > number and not in_range(scheme, events, f"{fix}.0") for fix in numbers)
    assert set(numbers) == {
        one.end for one in found if one.end is not None and not one.closed and one.end > number
    }


@given(text=st.text(max_size=20))
def test_any_text_is_a_version_with_an_answer_or_is_refused(text: str) -> None:
    for ecosystem, spell in SPELLINGS:
        events = [("introduced", "0"), ("fixed", spell.format(3))]
        try:
            assert in_range(SCHEMES[ecosystem], events, text) in {True, False}
        except UnreadableVersionError:
            continue


def test_what_ends_and_begins_at_one_version_begins() -> None:
    events = [("introduced", "1.0"), ("fixed", "2.0"), ("introduced", "2.0"), ("fixed", "3.0")]
    assert in_range(SCHEMES["PyPI"], events, "2.0")


def test_one_version_can_be_all_of_a_range() -> None:
    events = [("last_affected", "1.5"), ("introduced", "1.5")]
    found = [in_range(SCHEMES["PyPI"], events, text) for text in ("1.4", "1.5", "1.5.1")]
    assert found == [False, True, False]
