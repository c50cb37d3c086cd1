"""Advisories as they were imported, matched with one statement. Fits the port `Advisories`."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database
from infra.supply_chain.advisories.matching import Candidate, hits_of
from infra.supply_chain.advisories.packages import Package, package_of, public_version
from infra.supply_chain.advisories.stored import VersionRange
from infra.supply_chain.advisories.versions import canonical_version
from schema.contracts.bill import Component
from schema.contracts.supply_chain import AdvisoryHit, Snapshot
from schema.errors import SpellError

_Result = TypeVar("_Result")

_BESIDE_THE_LOOP_MIN = 200
CANDIDATES_MAX = 50_000
"""Advisories on the components' packages, for each component; each takes some kB of memory."""
NO_SNAPSHOT = Snapshot(id="none")
_NEWEST = text(
    "SELECT number, taken_at, records, sources,"
    " (SELECT max(checked_at) FROM advisory_sources) AS checked_at"
    " FROM advisory_snapshots ORDER BY number DESC LIMIT 1"
)
_CANDIDATES = text(
    "SELECT w.place, p.release, p.ranges, w.version = ANY(p.versions) AS listed,"
    " g.id AS group_id, g.ids, g.score, g.vector, g.summary, g.malicious"
    " FROM unnest(CAST(:ecosystems AS text[]), CAST(:names AS text[]), CAST(:versions AS text[]))"
    " WITH ORDINALITY AS w (ecosystem, name, version, place)"
    " JOIN advisory_packages p ON p.ecosystem = w.ecosystem AND p.name = w.name"
    " JOIN advisories a ON a.id = p.advisory_id AND a.withdrawn_at IS NULL"
    " JOIN advisory_groups g ON g.id = a.group_id"
    " LIMIT :most"
)


class PostgresAdvisories:
    """What was imported, matched by package and version."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def snapshot(self) -> Snapshot:
        """What was imported last; its id is `none` before the first import."""
        async with self._database.reading() as connection:
            return await read_snapshot(connection)

    async def match(self, components: Sequence[Component]) -> list[AdvisoryHit]:
        """Every vulnerability that one of the components has, each alias group once.

        Raises:
            SpellError: PAYLOAD_TOO_LARGE, there are more advisories on them than are looked at.
        """
        packages = await _worked(len(components), packages_of, components)
        if not packages:
            return []
        async with self._database.reading() as connection:
            wanted = {**_wanted(packages), "most": CANDIDATES_MAX + 1}
            rows = (await connection.execute(_CANDIDATES, wanted)).all()
        if len(rows) > CANDIDATES_MAX:
            message = f"The components have more than {CANDIDATES_MAX:,} advisories to look at."
            raise SpellError("PAYLOAD_TOO_LARGE", message)
        return await _worked(len(rows), _hits, packages, rows)

    def uncovered(self, components: Sequence[Component]) -> list[str]:
        """The purls of components that no advisory can speak of, whatever is imported."""
        return uncovered_purls(components)


async def _worked(size: int, work: Callable[..., _Result], *arguments: Any) -> _Result:
    """Do a little at once, and much beside the loop, which another thread takes 5 ms to reach."""
    if size < _BESIDE_THE_LOOP_MIN:
        return work(*arguments)
    return await asyncio.to_thread(work, *arguments)


async def read_snapshot(connection: AsyncConnection) -> Snapshot:
    """The newest snapshot, as of the connection's transaction."""
    row = (await connection.execute(_NEWEST)).one_or_none()
    if row is None:
        return NO_SNAPSHOT
    return Snapshot(
        id=f"{row.taken_at:%Y-%m-%d}#{row.number}",
        taken_at=row.taken_at,
        checked_at=row.checked_at,
        records=row.records,
        sources=row.sources,
    )


def packages_of(components: Sequence[Component]) -> list[Package]:
    """The packages behind the components' purls, each once; the others cannot be matched.

    A purl may leave the version to the component, as bills often do.
    """
    found = (_package_of(component) for component in components)
    return list(dict.fromkeys(package for package in found if package is not None))


def uncovered_purls(components: Sequence[Component]) -> list[str]:
    """The purls of no package that OSV knows the ecosystem of, each once."""
    purls = dict.fromkeys(component.purl for component in components if component.purl)
    return [purl for purl in purls if package_of(purl) is None]


def _package_of(component: Component) -> Package | None:
    package = package_of(component.purl) if component.purl else None
    version = component.version
    if package is None or package.version is not None or not version or "\0" in version:
        return package
    return replace(package, version=public_version(package.ecosystem, version))


def _wanted(packages: Sequence[Package]) -> dict[str, Any]:
    return {
        "ecosystems": [package.ecosystem for package in packages],
        "names": [package.name for package in packages],
        "versions": [
            package.version and canonical_version(package.ecosystem, package.version)
            for package in packages
        ],
    }


def _hits(packages: Sequence[Package], rows: Sequence[Any]) -> list[AdvisoryHit]:
    return hits_of(_candidate(packages[row.place - 1], row) for row in rows)


def _candidate(package: Package, row: Any) -> Candidate:
    kept = row._mapping  # noqa: SLF001  (SQLAlchemy's documented name)
    return Candidate(
        package=package,
        release=kept["release"],
        ranges=[
            VersionRange(kind, tuple((event[0], event[1]) for event in events))
            for kind, events in kept["ranges"]
        ],
        listed=bool(kept["listed"]),
        group_id=kept["group_id"],
        ids=kept["ids"],
        score=kept["score"],
        vector=kept["vector"],
        summary=kept["summary"],
        malicious=kept["malicious"],
    )
