"""From the advisories on a package to the vulnerabilities that one version of it has."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from infra.supply_chain.advisories.packages import Package
from infra.supply_chain.advisories.ranges import Event, fixes_above, in_range
from infra.supply_chain.advisories.releases import same_release
from infra.supply_chain.advisories.stored import VersionRange
from infra.supply_chain.advisories.versions import Scheme, UnreadableVersionError, scheme_of
from schema.contracts.supply_chain import AdvisoryHit

_EVERY_VERSION = (("introduced", "0"),)


@dataclass(frozen=True)
class Candidate:
    """What one record says about one package, and the group that the record belongs to."""

    package: Package
    release: str
    ranges: Sequence[VersionRange]
    listed: bool
    """The version is one of the record's explicit list."""
    group_id: str
    ids: Sequence[str]
    score: float | None
    vector: str | None
    summary: str
    malicious: bool


def hits_of(candidates: Iterable[Candidate]) -> list[AdvisoryHit]:
    """Each vulnerability of each component once; what nobody can decide is a hit that says so."""
    found: dict[tuple[str, str], AdvisoryHit] = {}
    for candidate in candidates:
        hit = _hit_of(candidate)
        if hit is not None:
            key = (hit.purl, hit.advisory_id)
            found[key] = _merged(found[key], hit) if key in found else hit
    return [found[key] for key in sorted(found)]


def _hit_of(candidate: Candidate) -> AdvisoryHit | None:
    package = candidate.package
    if not same_release(package.release, candidate.release):
        return None
    undecided = False
    try:
        if not candidate.listed and not _affected(candidate):
            return None
    except UnreadableVersionError:
        undecided = True
    return AdvisoryHit(
        purl=package.purl,
        advisory_id=candidate.group_id,
        aliases=[name for name in candidate.ids if name != candidate.group_id],
        score=candidate.score,
        vector=candidate.vector,
        summary=candidate.summary,
        fixed_in=[] if undecided else _fixes(candidate),
        malicious=candidate.malicious,
        undecided=undecided,
    )


def _affected(candidate: Candidate) -> bool:
    """Whether one of the ranges holds the version; a range that does settles it.

    Raises:
        UnreadableVersionError: none holds it, and one of them cannot be read.
    """
    if any(one.events == _EVERY_VERSION for one in candidate.ranges):
        return True
    version = candidate.package.version
    if version is None:
        raise UnreadableVersionError
    unreadable: UnreadableVersionError | None = None
    for scheme, events in _ranges(candidate):
        try:
            if in_range(_known(scheme), events, version):
                return True
        except UnreadableVersionError as error:
            unreadable = error
    if unreadable is not None:
        raise unreadable
    return False


def _ranges(candidate: Candidate) -> list[tuple[Scheme | None, Sequence[Event]]]:
    ecosystem = candidate.package.ecosystem
    return [(scheme_of(ecosystem, one.type), one.events) for one in candidate.ranges]


def _known(scheme: Scheme | None) -> Scheme:
    if scheme is None:
        raise UnreadableVersionError
    return scheme


def _fixes(candidate: Candidate) -> list[str]:
    ranges = [(scheme, events) for scheme, events in _ranges(candidate) if scheme is not None]
    version = candidate.package.version
    if not ranges or version is None:
        return []
    try:
        return fixes_above(ranges[0][0], ranges, version)
    # It is listed as affected, so it is a hit; only where to go from here is not known.
    except UnreadableVersionError:
        return []


def _merged(one: AdvisoryHit, other: AdvisoryHit) -> AdvisoryHit:
    """Two records of one group on one component: decided beats undecided, fixes add up."""
    if one.undecided != other.undecided:
        return other if one.undecided else one
    fixed = dict.fromkeys([*one.fixed_in, *other.fixed_in])
    return one.model_copy(update={"fixed_in": list(fixed)})
