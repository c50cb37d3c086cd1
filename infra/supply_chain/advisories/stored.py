"""An advisory as the platform keeps it: plain values between records, database and matching."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class VersionRange:
    """One range of versions: its type (`SEMVER` or `ECOSYSTEM`) and its events."""

    type: str
    events: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class AffectedPackage:
    """A package that an advisory speaks of, its name as its ecosystem compares names."""

    ecosystem: str
    release: str
    """The rest of OSV's ecosystem, as `12` of `Debian:12`; empty without one."""
    name: str
    ranges: tuple[VersionRange, ...]
    versions: tuple[str, ...]


@dataclass(frozen=True)
class StoredAdvisory:
    """One record of one source."""

    id: str
    source: str
    modified_at: datetime
    withdrawn_at: datetime | None
    aliases: tuple[str, ...]
    summary: str
    vectors: tuple[str, ...]
    score: float | None
    vector: str | None
    malicious: bool
    packages: tuple[AffectedPackage, ...]
    git_ranges: int
    """How many ranges of commits were left out."""
    digest: bytes
    """Of all that is kept: the same digest, nothing to write."""
