"""Alias groups: the records of one vulnerability, whatever each source calls it.

Aliases join, and what they join is joined on: a record that knows only its CVE and one that knows
only that CVE's GHSA meet. A group is called by the first of all its ids in the order of texts,
imported or not, so its name stays when the record of that name arrives. Withdrawn records join
nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class Member(Protocol):
    """What of a record makes its group."""

    @property
    def id(self) -> str:
        """Of the record."""

    @property
    def aliases(self) -> Sequence[str]:
        """Other ids of the same vulnerability."""

    @property
    def score(self) -> float | None:
        """The record's own."""

    @property
    def vector(self) -> str | None:
        """What gave the score."""

    @property
    def summary(self) -> str:
        """The record's own."""

    @property
    def malicious(self) -> bool:
        """Whether the package is the attack."""


@dataclass(frozen=True)
class Group:
    """One vulnerability."""

    id: str
    members: tuple[str, ...]
    """Ids of the records that make it up, in order."""
    ids: tuple[str, ...]
    """Every id it goes by, in order."""
    score: float | None
    vector: str | None
    summary: str
    malicious: bool


def group_by_alias(members: Iterable[Member]) -> list[Group]:
    """The groups of records that are not withdrawn."""
    records = {member.id: member for member in members}
    names = _Names()
    for record in records.values():
        names.join(record.id, record.aliases)
    ids_of: dict[str, list[str]] = defaultdict(list)
    for name in names.known():
        ids_of[names.first(name)].append(name)
    return [_group(sorted(ids), records) for ids in ids_of.values()]


def _group(ids: list[str], records: Mapping[str, Member]) -> Group:
    members = [records[name] for name in ids if name in records]
    score, _, vector = max(
        ((one.score, one.id, one.vector) for one in members if one.score is not None),
        default=(None, "", None),
    )
    return Group(
        id=ids[0],
        members=tuple(member.id for member in members),
        ids=tuple(ids),
        score=score,
        vector=vector,
        summary=next((member.summary for member in members if member.summary), ""),
        malicious=any(member.malicious for member in members),
    )


class _Names:
    """Disjoint sets of ids, each led by its first one (union-find with path halving)."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def known(self) -> Iterable[str]:
        return self._parent.keys()

    def first(self, name: str) -> str:
        parent = self._parent
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    def join(self, name: str, others: Iterable[str]) -> None:
        self.first(name)
        for other in others:
            one, two = sorted((self.first(name), self.first(other)))
            self._parent[two] = one
